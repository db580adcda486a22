// SPDX-License-Identifier: LGPL-2.1-or-later
#include "ice_agent.h"
#include <algorithm>
#include <utility>

namespace reach::rtc {
namespace {
constexpr std::size_t longest_credential = 256;

bool good (const std::string &text, std::size_t least)
{
  return text.size () >= least && text.size () <= longest_credential &&
         std::all_of (text.begin (), text.end (),
             [] (char c) { return g_ascii_isalnum (c) || c == '+' || c == '/'; });
}
} // namespace

const char *to_text (IceState state)
{
  constexpr const char *names[] = {"new", "checking", "connected", "completed", "failed", "closed"};
  return names[static_cast<std::size_t> (state)];
}

bool Ice::set_local (const IceCredentials &local)
{
  return good (local.ufrag, 4) && good (local.pwd, 22) &&
         nice_agent_set_local_credentials (
             agent (), stream (), local.ufrag.c_str (), local.pwd.c_str ());
}

void Ice::set_state (IceState state)
{
  if (std::exchange (state_, state) != state)
    owner_.on_ice_state (state);
}

// Names of servers first; libnice wants addresses.
void Ice::gather ()
{
  if (std::exchange (now_->gathering, true))
    return;
  pending_servers_ = 1;
  for (const IceServer &s : settings_.servers)
    use_server (s);
  if (--pending_servers_ == 0)
    start_gathering ();
}

void Ice::start_gathering ()
{
  now_->begun = true;
  if (!nice_agent_gather_candidates (agent (), stream ())) {
    owner_.on_ice_warning ("no address or port to gather candidates on");
    set_state (IceState::failed);
    return;
  }
  prepare_sockets ();
  if (!now_->gathered)
    gather_timer_.arm (Clock::now () + settings_.gather_limit);
}

void Ice::gathered ()
{
  prepare_sockets ();
  gather_timer_.cancel ();
  if (std::exchange (now_->gathered, true))
    return;
  if (!settings_.servers_follow)
    look_at_relays ();
  owner_.on_ice_gathered ();
}

void Ice::give_up ()
{
  if (state_ == IceState::fresh || state_ == IceState::checking)
    set_state (IceState::failed);
}

void Ice::tell_candidate (Candidate told)
{
  now_->relayed = now_->relayed || told.type == CandidateType::relay;
  if (settings_.relay_only) {
    if (told.type != CandidateType::relay)
      return;
    // Or it would tell where we are.
    told.related_address = told.address.find (':') == std::string::npos ? "0.0.0.0" : "::";
    told.related_port = 0;
  }
  if (!owner_.accept_local (told))
    return;
  if (!guard_sockets ()) // before anybody can know of it
    return;
  told.ufrag = local ().ufrag;
  owner_.on_ice_candidate (told);
}

bool Ice::set_remote (const IceCredentials &remote)
{
  if (!good (remote.ufrag, 4) || !good (remote.pwd, 22))
    return false;
  if (remote == now_->remote)
    return true;
  if (!now_->remote.ufrag.empty ())
    now_->remote_count = 0;
  now_->remote = remote;
  if (!nice_agent_set_remote_credentials (
          agent (), stream (), remote.ufrag.c_str (), remote.pwd.c_str ()))
    return false;
  connect_timer_.arm (Clock::now () + settings_.connect_limit);
  for (const Candidate &c : std::exchange (now_->early, {}))
    if (c.ufrag.empty () || c.ufrag == remote.ufrag)
      use_remote (*now_, c);
  if (std::exchange (now_->early_end, false))
    end_of_candidates ();
  return true;
}

// Until the peer has answered a restart, what it tells is of the generation before, unless it says
// that it is not.
Ice::Agent *Ice::of_remote (const std::string &ufrag)
{
  if (now_->remote.ufrag.empty ()) {
    Agent *before = older_.empty () ? nullptr : older_.back ().get ();
    const bool its = before && (ufrag.empty () || ufrag == before->remote.ufrag);
    return its ? before : now_.get ();
  }
  return ufrag.empty () || ufrag == now_->remote.ufrag ? now_.get () : nullptr;
}

bool Ice::add_remote (std::string_view candidate)
{
  const auto c = parse_candidate (candidate);
  Agent *a = c && is_usable (*c) ? of_remote (c->ufrag) : nullptr;
  if (!a || a->remote_count >= settings_.remote_candidates || !owner_.accept_remote (*c))
    return false;
  a->remote_count++;
  if (a->remote.ufrag.empty ())
    a->early.push_back (*c);
  else
    use_remote (*a, *c);
  return true;
}

void Ice::use_remote (Agent &a, const Candidate &c)
{
  if (address_form (c.address) == AddressForm::mdns) {
    if (!mdns_)
      mdns_ = std::make_unique<Mdns> (loop_, Mdns::Settings{.addresses = settings_.addresses});
    // Nobody knows the name: the peer is not on this network.
    mdns_->resolve (
        c.address, c.port, [this, c, ufrag = a.remote.ufrag] (std::optional<Address> found) {
          Candidate resolved = c;
          Agent *of = of_remote (ufrag); // if that generation is still there
          if (found && of && of->remote.ufrag == ufrag) {
            resolved.address = found->host ();
            use_remote (*of, resolved);
          }
        });
    return;
  }
  NiceCandidate *n = nice_candidate_of (c, a.stream);
  if (!n)
    return;
  GSList one{n, nullptr};
  nice_agent_set_remote_candidates (a.agent, a.stream, 1, &one);
  nice_candidate_free (n);
}

void Ice::end_of_candidates ()
{
  Agent &a = *of_remote ({});
  if (a.remote.ufrag.empty ())
    a.early_end = true;
  else
    nice_agent_peer_candidate_gathering_done (a.agent, a.stream);
}

void Ice::set_controlling (bool controlling)
{
  controlling_ = controlling;
  g_object_set (agent (), "controlling-mode", static_cast<gboolean> (controlling), nullptr);
}
} // namespace reach::rtc
