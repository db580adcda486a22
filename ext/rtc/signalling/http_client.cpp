// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client.h"
#include "rtc/proto/ice_fragment.h"

namespace reach::rtc {
namespace {
// Of what sink pads need to know of their media before there can be an answer.
constexpr Duration longest_thought = seconds (5);
constexpr const char *sdp_type = "application/sdp";
constexpr const char *fragment_type = "application/trickle-ice-sdpfrag";

// A server that says nothing of the type is believed.
bool is_sdp (const HttpAnswer &a)
{
  return (a.type == sdp_type || a.type.empty ()) && a.body.starts_with ("v=0") && !a.too_long;
}

// Nothing may follow it (RFC 8838, 8.2), and of the servers that the answer names something may.
std::string without_end (std::string sdp)
{
  constexpr std::string_view end = "a=end-of-candidates\r\n";
  for (auto at = sdp.find (end); at != std::string::npos; at = sdp.find (end, at))
    sdp.erase (at, end.size ());
  return sdp;
}

std::string no_description (const HttpAnswer &a)
{
  if (a.too_long)
    return "the server's answer is longer than 256 KiB";
  if (a.type != sdp_type && !a.type.empty ())
    return "the server's answer is no description, but of type " + a.type.substr (0, 100);
  return "the server's answer is no description";
}
} // namespace

HttpClient::HttpClient (
    Loop &loop, Owner &owner, const Config &config, std::string way, std::string uri)
    : owner_ (owner), way_ (std::move (way)), uri_ (std::move (uri)), call_ (loop, config, uri_),
      timer_ (loop.timers (), [this] { on_timer (); })
{
  timer_.arm (Clock::now ());
}

void HttpClient::on_timer ()
{
  switch (state_) {
  case State::idle:
    return begin ();
  case State::offering:
    return post ();
  case State::answering:
    return send_answer ();
  case State::connected:
    return go_on ();
  case State::leaving:
    return done_ ();
  default:
    return;
  }
}

void HttpClient::begin ()
{
  if (!HttpCall::is_address (uri_))
    return refuse ("\"" + uri_ + "\" is no address");
  resource_.clear ();
  etag_.clear ();
  offer_.clear ();
  answer_.clear ();
  candidates_.clear ();
  trickles_ = true;
  restarting_ = candidates_end_ = false;
  owner_.on_peer ({}, false, true);
}

// What the session has to say.

void HttpClient::send_description (const std::string &type, const std::string &sdp)
{
  const bool offer = type == "offer";
  if (offer && state_ == State::idle)
    gather (State::offering);
  else if (!offer && state_ == State::answering && !std::exchange (answered_, true))
    gather (State::answering);
  else if (offer && state_ == State::connected)
    offered_again (sdp);
}

void HttpClient::gather (State state)
{
  state_ = state;
  timer_.arm (Clock::now () + gathering);
}

void HttpClient::send_candidate (const SignalledCandidate &c)
{
  const bool end = c.candidate.empty ();
  const bool answering = state_ == State::answering;
  if (timer_.armed () && (state_ == State::offering || answering || restarting_)) {
    if (end && (!answering || answered_)) // what there is comes with the description
      timer_.arm (Clock::now ());
    return;
  }
  if (state_ != State::asking && !answering && state_ != State::connected)
    return;
  if (end)
    candidates_end_ = true;
  else if (candidates_.size () < most_candidates)
    candidates_.push_back (c.candidate);
  if (state_ == State::connected)
    go_on ();
}

// An offer more than the one of the session.
void HttpClient::offered_again (const std::string &sdp)
{
  const sdp::Parsed before = sdp::parse (offer_), now = sdp::parse (sdp);
  if (offer_.empty () || !before || !now || !is_ice_restart (before.description, now.description))
    return begin_anew ("what is sent has changed, which takes a new session");
  candidates_.clear (); // of the time before
  candidates_end_ = false;
  restarting_ = true;
  timer_.arm (Clock::now () + gathering);
}

// A session begins.

void HttpClient::post ()
{
  state_ = State::asking;
  offer_ = without_end (owner_.local_sdp ());
  call_.send ({.method = "POST", .uri = uri_, .type = sdp_type, .body = offer_},
      [this] (const HttpAnswer &a) { on_posted (a); });
}

void HttpClient::on_posted (const HttpAnswer &a)
{
  const bool offers = way_ == "whep" && a.status == 406 && a.type == sdp_type;
  if (a.status == 201 || offers)
    resource_ = a.location;
  if (state_ == State::leaving)
    return remove_session ([this] (const HttpAnswer &) { done_ (); });
  if (a.status == 201) {
    if (!is_sdp (a)) {
      refuse (no_description (a));
      return remove_session ({});
    }
    answer_ = a.body;
    connected (a.etag);
    take_servers (a);
    owner_.on_description ("answer", a.body);
    return go_on ();
  }
  if (offers && is_sdp (a) && !resource_.empty ())
    return take_counter_offer (a);
  const bool later = a.status >= 500 || a.status == 429 || (a.status == 409 && way_ == "whep");
  if (!a.error.empty () || later || (a.status >= 400 && a.retry_after))
    return retry (a.text (), a.retry_after);
  refuse (a.text () +
          (a.foreign && a.status == 401 ? " at another server, which the token was not told" : ""));
}

// What they bring is gathered while the session goes on, and told by PATCH.
void HttpClient::take_servers (const HttpAnswer &a)
{
  const IceLinks links = parse_ice_links (a.links);
  if (!links.servers.empty ())
    candidates_end_ = false; // it comes again
  owner_.on_ice_servers (links);
}

void HttpClient::connected (const std::string &etag)
{
  state_ = State::connected;
  etag_ = etag;
  connected_at_ = Clock::now ();
}

// Ours was not what the server wanted: its own has a session of its own here.
void HttpClient::take_counter_offer (const HttpAnswer &a)
{
  state_ = State::answering;
  etag_ = a.etag;
  offer_.clear ();
  candidates_.clear ();
  candidates_end_ = answered_ = false;
  timer_.arm (Clock::now () + longest_thought);
  owner_.on_peer ({}, false, false);
  take_servers (a);
  owner_.on_description ("offer", a.body);
}

void HttpClient::send_answer ()
{
  if (!answered_)
    return begin_anew ("the server's offer cannot be answered");
  call_.send ({.method = "PATCH",
                  .uri = resource_,
                  .type = sdp_type,
                  .body = owner_.local_sdp (),
                  .if_match = etag_},
      [this] (const HttpAnswer &a) {
        if (a.status != 200 && a.status != 204)
          return begin_anew ("the server's offer was answered, but " + a.text ());
        connected (a.etag.empty () ? etag_ : a.etag);
        go_on ();
      });
}

// While it lasts.

void HttpClient::go_on ()
{
  if (state_ != State::connected || call_.busy ())
    return;
  if (restarting_ && !timer_.armed ())
    restart_ice ();
  else if (!restarting_ && (!candidates_.empty () || candidates_end_))
    tell_candidates ();
}

void HttpClient::patch (std::string body, std::string if_match, HttpCall::Handler handler)
{
  call_.send ({.method = "PATCH",
                  .uri = resource_,
                  .type = fragment_type,
                  .body = std::move (body),
                  .if_match = std::move (if_match)},
      std::move (handler));
}

void HttpClient::tell_candidates ()
{
  const auto all = std::exchange (candidates_, {});
  const bool end = std::exchange (candidates_end_, false);
  const sdp::Parsed local = sdp::parse (owner_.local_sdp ());
  if (!trickles_ || resource_.empty () || !local)
    return;
  patch (write_ice_fragment (local.description, &all, end), etag_, [this] (const HttpAnswer &a) {
    // 405, 415, 422, 501: it does not. 412: they are of before a restart.
    if (a.status >= 300 && a.status != 412)
      trickles_ = false;
    go_on ();
  });
}

void HttpClient::restart_ice ()
{
  restarting_ = false;
  const std::string now = owner_.local_sdp ();
  const sdp::Parsed local = sdp::parse (now);
  if (resource_.empty () || !local)
    return begin_anew ("ICE cannot restart without a session of the server's");
  patch (write_ice_fragment (local.description), "*", [this, now] (const HttpAnswer &a) {
    if (a.status == 200)
      offer_ = now;
    on_restarted (a);
  });
}

void HttpClient::on_restarted (const HttpAnswer &a)
{
  sdp::Parsed before = sdp::parse (answer_);
  const auto d = a.status == 200 && !a.too_long && before
                     ? with_ice_fragment (std::move (before.description), a.body)
                     : std::nullopt;
  if (!d)
    return begin_anew ("ICE cannot restart, " + (a.status == 200 ? no_description (a) : a.text ()));
  if (!a.etag.empty ())
    etag_ = a.etag;
  answer_ = sdp::to_string (*d);
  owner_.on_description ("answer", answer_);
  go_on ();
}

// How it ends.

void HttpClient::connection_over ()
{
  if (state_ == State::connected)
    begin_anew ("the server has ended the connection");
}

void HttpClient::remove_session (HttpCall::Handler then)
{
  const std::string resource = std::exchange (resource_, {});
  if (!then)
    then = [] (const HttpAnswer &) {};
  if (resource.empty ())
    return then ({});
  call_.send ({.method = "DELETE", .uri = resource}, std::move (then));
}

void HttpClient::begin_anew (const std::string &why)
{
  if (Clock::now () - connected_at_ >= long_lived && connected_at_ != TimePoint{})
    backoff_.reset ();
  connected_at_ = {};
  state_ = State::ending;
  timer_.cancel ();
  remove_session ([this, why] (const HttpAnswer &) { retry (why); });
}

void HttpClient::retry (const std::string &why, std::optional<Duration> pause)
{
  state_ = State::idle;
  const Duration next = backoff_.next (g_random_int ());
  timer_.arm (Clock::now () + std::max (pause.value_or (Duration{}), next));
  owner_.on_signalling_error (why, false);
}

void HttpClient::refuse (const std::string &why)
{
  state_ = State::refused;
  owner_.on_signalling_error (why, true);
}

void HttpClient::goodbye (std::function<void ()> done)
{
  done_ = std::move (done);
  timer_.cancel ();
  // What is asked for may be there already, and then it is to be ended.
  const bool wait = state_ == State::asking;
  state_ = State::leaving;
  if (wait)
    return;
  call_.cancel ();
  if (resource_.empty ())
    return timer_.arm (Clock::now ());
  remove_session ([this] (const HttpAnswer &) { done_ (); });
}
} // namespace reach::rtc
