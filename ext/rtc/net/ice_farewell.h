// SPDX-License-Identifier: LGPL-2.1-or-later
// An agent that has relays outlives its peer until they have been told, or have not answered for
// some tenths of a second.
#pragma once
#include "common/loop.h"
#include <nice/agent.h>

namespace reach::rtc {
class IceFarewell {
public:
  // Loop thread. Takes the agent; `context` is the one it was made for, run by nobody else any
  // more. If the loop ends first, its end waits.
  static void begin (Loop &loop, NiceAgent *agent, GMainContext *context);
  ~IceFarewell ();
  IceFarewell (const IceFarewell &) = delete;
  IceFarewell &operator= (const IceFarewell &) = delete;

private:
  IceFarewell (NiceAgent *agent, GMainContext *context);
  static void closed (GObject *, GAsyncResult *, gpointer self);
  static gboolean turn (gpointer self);

  NiceAgent *agent_;
  GMainContext *context_;
  bool closed_ = false;
};
} // namespace reach::rtc
