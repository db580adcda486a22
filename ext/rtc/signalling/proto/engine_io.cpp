// SPDX-License-Identifier: LGPL-2.1-or-later
#include "engine_io.h"
#include <algorithm>

namespace reach::rtc::eio {
namespace {
std::string text_of (Type t, std::string_view data = {})
{
  return std::string (1, static_cast<char> (t)).append (data);
}

std::string milliseconds_of (Duration d)
{
  return std::to_string (std::chrono::duration_cast<milliseconds> (d).count ());
}
} // namespace

std::optional<Packet> parse (std::string_view text)
{
  if (text.empty () || text.front () < '0' || text.front () > '6')
    return {};
  return Packet{static_cast<Type> (text.front ()), text.substr (1)};
}

std::optional<std::vector<Packet>> parse_body (std::string_view body, std::size_t max_packets)
{
  std::vector<Packet> out;
  for (;;) {
    const std::size_t end = std::min (body.find (separator), body.size ());
    const auto p = parse (body.substr (0, end));
    if (!p || out.size () >= max_packets)
      return {};
    out.push_back (*p);
    if (end == body.size ())
      return out;
    body.remove_prefix (end + 1);
  }
}

Session::Session (const Limits &limits, const std::string &sid, Transport first, TimePoint now)
    : limits_ (limits), transport_ (first), waiting_ (first == Transport::polling),
      heartbeat_ (now + limits.interval)
{
  put ("0{\"sid\":\"" + sid + "\",\"upgrades\":[" +
       (first == Transport::polling ? "\"websocket\"" : "") + "],\"pingInterval\":" +
       milliseconds_of (limits.interval) + ",\"pingTimeout\":" + milliseconds_of (limits.timeout) +
       ",\"maxPayload\":" + std::to_string (limits.payload) + "}");
}

// One after the other: two at a time would get what comes in any order.
bool Session::get ()
{
  if (over_)
    return false;
  if (waiting_ || transport_ != Transport::polling) {
    end ("lost");
    return false;
  }
  waiting_ = true;
  if (closing_ && unread_.empty ()) {
    end ("closed");
    return true;
  }
  if (second_ == Second::probed && unread_.empty ())
    put (text_of (Type::noop)); // the client waits for this one to end before it changes over
  flush ();
  return true;
}

void Session::get_gone ()
{
  waiting_ = false;
  end ("lost");
}

bool Session::post (std::string_view body, TimePoint now)
{
  if (over_)
    return false;
  const auto packets =
      body.size () <= limits_.payload ? parse_body (body, limits_.packets) : std::nullopt;
  if (!packets || transport_ != Transport::polling) {
    end ("lost");
    return false;
  }
  for (const Packet &p : *packets)
    if (!over_ && !closing_)
      on_packet (p, now);
  return true;
}

bool Session::attach (TimePoint now)
{
  if (over_ || transport_ != Transport::polling || second_ != Second::none)
    return false;
  second_ = Second::attached;
  upgrade_by_ = now + limits_.upgrade;
  return true;
}

void Session::socket_text (std::string_view text, TimePoint now)
{
  if (over_)
    return;
  if (transport_ == Transport::polling)
    return on_probe (text, now);
  const auto p = parse (text);
  if (!p)
    return end ("lost");
  on_packet (*p, now);
}

// ping "probe", its answer, and "upgrade": from then on all goes over the WebSocket.
void Session::on_probe (std::string_view text, TimePoint)
{
  if (second_ == Second::attached && text == "2probe") {
    second_ = Second::probed;
    outputs_.push_back (SocketText{text_of (Type::pong, "probe")});
    if (waiting_)
      put (text_of (Type::noop));
  } else if (second_ == Second::probed && text == "5") {
    if (waiting_)
      put (text_of (Type::noop));
    second_ = Second::none;
    transport_ = Transport::web_socket;
    flush ();
    if (closing_)
      end ("closed");
  } else {
    second_ = Second::none;
    outputs_.push_back (SocketClose{});
  }
}

void Session::socket_gone (bool orderly)
{
  if (over_)
    return;
  second_ = Second::none; // polling goes on
  if (transport_ == Transport::web_socket) {
    socket_ = false;
    end (orderly ? "closed" : "lost");
  }
}

void Session::on_packet (const Packet &p, TimePoint now)
{
  switch (p.type) {
  case Type::message:
    outputs_.push_back (Message{std::string (p.data)});
    break;
  case Type::pong:
    if (pinged_) {
      pinged_ = false;
      heartbeat_ = now + limits_.interval;
    }
    break;
  case Type::close:
    end ("closed");
    break;
  case Type::noop:
    break;
  default:
    end ("lost"); // the server's, or not here
  }
}

void Session::send (std::string_view message)
{
  if (!over_ && !closing_)
    put (std::string (message));
}

void Session::put (std::string packet)
{
  unread_bytes_ += packet.size ();
  unread_.push_back (std::move (packet));
  flush ();
  if (unread_bytes_ > limits_.unread)
    end ("lost");
}

void Session::flush ()
{
  if (transport_ == Transport::web_socket) {
    for (std::string &p : unread_)
      outputs_.push_back (SocketText{std::move (p)});
    unread_.clear ();
    unread_bytes_ = 0;
    return;
  }
  if (!waiting_ || unread_.empty ())
    return;
  std::string body;
  do {
    if (!body.empty ())
      body += separator;
    body += unread_.front ();
    unread_bytes_ -= unread_.front ().size ();
    unread_.pop_front ();
  } while (!unread_.empty () && body.size () + unread_.front ().size () < limits_.payload);
  waiting_ = false;
  outputs_.push_back (Respond{std::move (body)});
}

// A client that polls is still to hear what was sent before; and the end by itself, since clients
// do not handle what comes with it.
void Session::close (TimePoint now)
{
  if (over_ || closing_)
    return;
  closing_ = true;
  pinged_ = true; // nothing more is waited for than its next request
  heartbeat_ = now + limits_.linger;
  if (transport_ == Transport::web_socket || (waiting_ && unread_.empty ()))
    end ("closed");
}

void Session::end (const char *reason)
{
  if (over_)
    return;
  over_ = true;
  if (std::exchange (waiting_, false))
    outputs_.push_back (Respond{text_of (Type::close)});
  if (socket_ && (transport_ == Transport::web_socket || second_ != Second::none))
    outputs_.push_back (SocketClose{});
  outputs_.push_back (Closed{reason});
}

void Session::timeout (TimePoint now)
{
  if (over_)
    return;
  if (second_ != Second::none && now >= upgrade_by_) {
    second_ = Second::none;
    outputs_.push_back (SocketClose{});
  }
  if (now < heartbeat_)
    return;
  if (pinged_)
    return end ("lost");
  pinged_ = true;
  heartbeat_ = now + limits_.timeout;
  put (text_of (Type::ping));
}

TimePoint Session::poll_timeout () const
{
  return second_ == Second::none ? heartbeat_ : std::min (heartbeat_, upgrade_by_);
}

std::optional<Output> Session::poll_output ()
{
  if (outputs_.empty ())
    return {};
  Output o = std::move (outputs_.front ());
  outputs_.pop_front ();
  return o;
}
} // namespace reach::rtc::eio
