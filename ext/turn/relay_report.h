// SPDX-License-Identifier: LGPL-2.1-or-later
// Events of the core as structures: what signals carry and bus messages are.
#pragma once
#include "common/ref.h"
#include "turn/net/session.h"

namespace reach::turn {
struct Report {
  guint signal;
  StructurePtr details;
};
// Nothing: not for applications.
std::optional<Report> report_of (const Event &e);
StructurePtr report_of_stream (
    guint signal, const stun::Address &peer, bool incoming, const std::string &why);
StructurePtr report_of_nat (guint signal, const NatReport &r);
bool is_success (const Event &e); // an answer of the server's
const char *why_name (Why w);
const char *nat_name (NatBehaviour b);
const char *method_name (stun::Method m);
} // namespace reach::turn
