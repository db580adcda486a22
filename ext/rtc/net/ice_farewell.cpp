// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice_farewell.h"

namespace reach::rtc {
namespace {
constexpr guint turn_ms = 20;
}

// A source of GLib's own, as its destruction with the loop's context ends the farewell too.
void IceFarewell::begin (Loop &loop, NiceAgent *agent, GMainContext *context)
{
  GSource *s = g_timeout_source_new (turn_ms);
  g_source_set_callback (s, turn, new IceFarewell (agent, context),
      [] (gpointer self) { delete static_cast<IceFarewell *> (self); });
  g_source_attach (s, loop.context ());
  g_source_unref (s);
}

IceFarewell::IceFarewell (NiceAgent *agent, GMainContext *context)
    : agent_ (agent), context_ (g_main_context_ref (context))
{
  g_object_set (agent_, "stun-max-retransmissions", 2u, "stun-initial-timeout", 100u, nullptr);
  g_main_context_push_thread_default (context_);
  nice_agent_close_async (agent_, closed, this);
  g_main_context_pop_thread_default (context_);
}

IceFarewell::~IceFarewell ()
{
  while (!closed_)
    g_main_context_iteration (context_, TRUE);
  g_object_unref (agent_);
  g_main_context_unref (context_);
}

gboolean IceFarewell::turn (gpointer self)
{
  auto *f = static_cast<IceFarewell *> (self);
  while (!f->closed_ && g_main_context_iteration (f->context_, FALSE)) {
  }
  return f->closed_ ? G_SOURCE_REMOVE : G_SOURCE_CONTINUE;
}

void IceFarewell::closed (GObject *, GAsyncResult *, gpointer self)
{
  static_cast<IceFarewell *> (self)->closed_ = true;
}
} // namespace reach::rtc
