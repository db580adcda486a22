// SPDX-License-Identifier: LGPL-2.1-or-later
#include "socket_io_client.h"
#include "engine_io.h"
#include <utility>

namespace reach::rtc::sio {
namespace {
constexpr std::size_t max_sentence = 1024; // bytes of what a server says why

std::string refusal_of (std::string_view payload)
{
  const auto v = json::parse (payload);
  auto said = v ? json::string_member (*v, "message") : std::nullopt;
  if (!said && v)
    said = json::string_of (*v);
  const bool good = said && !said->empty () && said->size () <= max_sentence &&
                    said->find ('\0') == std::string::npos;
  return good ? *said : "the server refuses this client";
}
} // namespace

Client::Client (std::string name_space, std::string auth)
    : name_ (std::move (name_space)), auth_ (std::move (auth))
{
}

void Client::over (std::string why, bool refused)
{
  over_ = true;
  outputs_.push_back (Over{std::move (why), refused});
}

void Client::input (std::string_view text)
{
  const auto p = eio::parse (text);
  if (over_ || !p)
    return;
  switch (p->type) {
  case eio::Type::open:
    if (!std::exchange (open_, true))
      outputs_.push_back (Send{text_of (Type::connect, name_, auth_)});
    break;
  case eio::Type::ping:
    outputs_.push_back (Send{"3" + std::string (p->data)});
    break;
  case eio::Type::close:
    over ("the server has ended the session", false);
    break;
  case eio::Type::message:
    if (open_)
      on_packet (p->data);
    break;
  case eio::Type::pong:
  case eio::Type::upgrade:
  case eio::Type::noop:
    break;
  }
}

void Client::on_packet (std::string_view message)
{
  const auto p = parse (message);
  if (!p || p->name != name_)
    return;
  if (p->type == Type::connect && !std::exchange (connected_, true))
    outputs_.push_back (Connected{});
  else if (p->type == Type::connect_error)
    over (refusal_of (p->payload), true);
  else if (p->type == Type::disconnect)
    over ("the server has ended the session", false);
  if (p->type != Type::event || !connected_)
    return;
  if (!p->ack.empty ()) {
    const std::string head = text_of (Type::ack, name_);
    outputs_.push_back (Send{head + p->ack + "[]"});
  }
  if (auto e = parse_event (p->payload, json::max_depth + 1)) // one more: the event's array
    outputs_.push_back (Came{std::move (e->name), std::string (e->data.text)});
}

std::optional<Client::Output> Client::poll_output ()
{
  if (outputs_.empty ())
    return {};
  std::optional<Output> o (std::move (outputs_.front ()));
  outputs_.pop_front ();
  return o;
}

std::string Client::event (std::string_view type, std::string_view data) const
{
  std::string out = event_prefix (name_) + "[" + json::quote (type) + ",";
  return out.append (data).append ("]");
}
} // namespace reach::rtc::sio
