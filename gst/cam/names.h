// SPDX-License-Identifier: LGPL-2.1-or-later
// Names that come from a peer. GLib keeps every structure and field name for good (GQuark), so a
// peer that invents names would fill the memory: names this process knows are free, new ones have a
// budget.
#pragma once
#include "common/ref.h"
#include <optional>
#include <string_view>

namespace reach::cam {
constexpr std::size_t max_caps_text = 16 << 10;
constexpr std::size_t max_new_names = 1024; // per process, all peers together
constexpr std::size_t max_name = 64;
constexpr int max_unreadable_lists = 100; // per process: then texts with lists are not read at all

// True when the name may become a GQuark: known already, or within the budget (which it then uses
// up).
bool admit_name (std::string_view name);
// Fixed caps from text; empty when unreadable, not fixed, over 16 KiB, or with names beyond the
// budget.
Ref<GstCaps> caps_from_peer (std::string_view text);
// A tag list from text, under the same rules; null when unreadable.
Ref<GstTagList> tags_from_peer (std::string_view text);
} // namespace reach::cam
