// SPDX-License-Identifier: LGPL-2.1-or-later
// What the clients of signalling have in common: a session of libsoup with its TLS rules.
#pragma once
#include "common/ref.h"
#include "signaller.h"
#include <libsoup/soup.h>

namespace reach::rtc {
Ref<SoupSession> make_session (const Signaller::Config &config);
// Null, and `error`, for what is no address.
Ref<SoupMessage> make_message (
    const char *method, const std::string &uri, const Signaller::Config &config);
} // namespace reach::rtc
