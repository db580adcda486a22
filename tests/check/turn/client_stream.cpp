// SPDX-License-Identifier: LGPL-2.1-or-later
// Streams, keepalives, and STUN beside TURN.
#include "rig.h"

using namespace reach::test;

namespace {
using reach::seconds;

// All that a server sends in a session, cut at each byte.
void stream_cut_anywhere (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.to_allocated ();
  const auto n = t.to_channel ();
  std::vector<std::uint8_t> all;
  for (const char *text : {"", "a", "bb", "ccc", "dddd"}) {
    const auto c = channel_data (n, text, true);
    all.insert (all.end (), c.begin (), c.end ());
    std::uint8_t buffer[200];
    Builder b (buffer, Method::data, Class::indication, {1});
    data_from (peer_a, text) (b);
    all.insert (all.end (), b.message ().begin (), b.message ().end ());
  }
  for (std::size_t cut = 0; cut <= all.size (); cut++) {
    t.events.clear ();
    std::string texts;
    for (const reach::Bytes part :
        {reach::Bytes (all).first (cut), reach::Bytes (all).subspan (cut)}) {
      t.client->input (part, t.now);
      while (const auto e = t.client->poll_event ())
        texts += text_of (std::get<Data> (*e).payload) + "|";
    }
    fail_unless (
        texts == "||a|a|bb|bb|ccc|ccc|dddd|dddd|", "%s: %zu: %s", t.name, cut, texts.c_str ());
  }
}

void stream_out_of_step (Rig &t)
{
  t.config.transport = Transport::tls;
  t.to_allocated ();
  t.give (hex ("80808080"));
  const auto e = t.event<AllocationLost> ();
  must (e.why == Why::disconnected);
  t.give (hex ("40000000")); // nothing is taken from it any more
  must (t.events.empty ());
  t.pass (seconds (2));
  must (t.has<PathWanted> ());
}

void stream_refused_behind_frames (Rig &t)
{
  t.config.transport = Transport::tcp;
  t.to_allocated ();
  const auto n = t.to_channel ();
  auto wire = channel_data (n, "good", true);
  wire.insert (wire.end (), 4, 0xff);
  t.give (wire);
  must (text_of (t.event<Data> ().payload) == "good");
  must (t.has<AllocationLost> ());
}

void keepalive (Rig &t)
{
  t.config.keepalive = seconds (15);
  t.to_allocated ();
  t.to_channel ();
  t.pass (seconds (14));
  must (t.quiet ());
  t.pass (seconds (1));
  const Message m = t.next (Method::binding);
  must (m.kind () == Class::indication && m.has_fingerprint ());
  for (int i = 0; i < 10; i++) { // data keep it alive as well
    t.pass (seconds (10));
    t.wrap (peer_a);
  }
  must (t.quiet ());
  t.pass (seconds (45));
  must (t.sent.size () == 3);
}

void keepalive_not_on_streams (Rig &t)
{
  t.config.keepalive = seconds (15);
  t.config.transport = Transport::tcp;
  t.to_allocated ();
  t.pass (seconds (200));
  must (t.quiet ());
}

void keepalive_ends (Rig &t)
{
  t.config.keepalive = seconds (15);
  t.to_allocated ();
  t.call ([&] (Client &c) { c.close (t.now); });
  t.succeed (t.next (Method::refresh), Rig::lifetime (0));
  t.pass (seconds (100));
  must (t.quiet ());
}

void binding_success (Rig &t)
{
  t.client = std::make_unique<Client> (t.config);
  must (!t.call ([&] (Client &c) { return c.binding_request (t.now); })); // no path yet
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  must (t.call ([&] (Client &c) { return c.binding_request (t.now); }));
  t.succeed (
      t.next (Method::binding),
      [] (Builder &b) {
        b.xor_address (Attr::xor_mapped_address, mapped4);
        b.address (Attr::response_origin, server_address);
        b.address (Attr::other_address, peer_b);
      },
      Sign::none);
  const auto e = t.event<BindingSuccess> ();
  must (e.mapped == mapped4 && e.origin == server_address && e.other == peer_b);
}

void binding_of_old_server (Rig &t)
{
  t.client = std::make_unique<Client> (t.config);
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  t.call ([&] (Client &c) { return c.binding_request (t.now); });
  t.succeed (
      t.next (Method::binding), [] (Builder &b) { b.address (Attr::mapped_address, mapped4); },
      Sign::none);
  must (t.event<BindingSuccess> ().mapped == mapped4);
}

void binding_fails (Rig &t)
{
  t.client = std::make_unique<Client> (t.config);
  t.call ([&] (Client &c) { c.connected (server_address, t.now); });
  for (int i = 0; i < 3; i++)
    t.call ([&] (Client &c) { return c.binding_request (t.now); });
  t.succeed (t.next (Method::binding), {}, Sign::none);
  must (t.event<ResponseError> ().code == 0);
  t.refuse (t.next (Method::binding), 420, {}, Sign::none);
  must (t.event<ResponseError> ().code == 420);
  t.pass (reach::milliseconds (39500));
  must (t.event<TimedOut> ().method == Method::binding &&
        t.client->poll_timeout () == reach::TimePoint::max ());
}

const Case cases[] = {{"a stream cut anywhere", stream_cut_anywhere},
    {"a stream out of step", stream_out_of_step},
    {"a stream good up to a byte", stream_refused_behind_frames}, {"keepalive", keepalive},
    {"no keepalive on streams", keepalive_not_on_streams}, {"keepalive ends", keepalive_ends},
    {"Binding", binding_success}, {"Binding of an old server", binding_of_old_server},
    {"Binding fails", binding_fails}};
} // namespace

CASES_MAIN (client_stream, cases)
