// SPDX-License-Identifier: LGPL-2.1-or-later
#include "connection.h"
#include "cam/net/settings.h"
#include "publisher.h"
#include "relay.h"
#include "viewer.h"

namespace reach::cam {
namespace {
// Of one connection. A sender may have caps and tags of 256 streams to tell at once.
constexpr std::size_t max_waiting = 2048, max_waiting_bytes = 8u << 20;
// Of all together; when it is reached, who has little waiting may go on.
constexpr std::size_t max_waiting_of_all = 128u << 20, little = 64u << 10;
constexpr double seldom_rate = 200, seldom_burst = 2000; // asks and lists
constexpr std::size_t max_replies = 4u << 20;
} // namespace

Connection::Connection (
    Relay &relay, std::unique_ptr<Transport> transport, Protocol protocol, bool local)
    : relay_ (relay), protocol_ (protocol), local_ (local)
{
  LinkCore::Config c;
  c.initiator = false;
  c.relay = true;
  c.by_request = true;
  c.clock_interval = LinkCore::forever;
  link_ = std::make_unique<Link> (relay.loop (), *this, std::move (transport), c, new_key ());
}

Connection::~Connection () = default;

void Connection::on_hello (Link &link, const Hello &hello)
{
  if (hello.role == LinkRole::receiver && protocol_ == Protocol::udp)
    return link.refuse (RefuseCode::wrong_role, "receivers come over TCP or HTTP");
  greeted_ = true;
  if (local_)
    return relay_.to_hub (
        [where = relay_.where (*this), hello] (Hub &h) { h.on_tap (where, hello); });
  relay_.to_hub ([where = relay_.where (*this), hello, peer = link.peer (), p = protocol_] (
                     Hub &h) { h.on_hello (where, hello, peer, p); });
}

void Connection::prepare (const Role &role)
{
  const Hello &hello = link_->core ().peer ();
  // Nothing of a tap's connection can get lost.
  link_->set_timeout (local_ ? LinkCore::forever : relay_.settings ().timeout (hello.type));
  if (hello.role == LinkRole::sender)
    part_ = std::make_unique<Publisher> (relay_, *this, role);
  else
    part_ = std::make_unique<Viewer> (relay_, *this, hello.type);
}

void Connection::to_hub (std::size_t bytes, bool frequent, std::function<void (Hub &)> task)
{
  seldom_.fill (seldom_rate, seldom_burst, Clock::now ());
  const std::size_t with_this = waiting_->bytes + bytes;
  const bool crowded = relay_.waiting_bytes () + bytes > max_waiting_of_all;
  if (waiting_->messages >= max_waiting || with_this > (crowded ? little : max_waiting_bytes) ||
      (!frequent && seldom_.tokens < 1))
    return finish (ByeReason::closed_by_application);
  if (!frequent)
    seldom_.tokens--;
  waiting_->messages++;
  waiting_->bytes += bytes;
  relay_.waiting_bytes () += bytes;
  relay_.to_hub (
      [w = waiting_, &all = relay_.waiting_bytes (), bytes, t = std::move (task)] (Hub &h) {
        w->messages--;
        w->bytes -= bytes;
        all -= bytes;
        t (h);
      });
}

void Connection::reply (MessageRef m)
{
  if (link_->core ().quiet ())
    replies_ = 0;
  replies_ += m->size ();
  if (replies_ > max_replies)
    return finish (ByeReason::closed_by_application);
  link_->send_control (std::move (m));
}

void Connection::on_received (Link &, Incoming m)
{
  if (m.header ().kind != Kind::ask)
    return part_->on_received (std::move (m));
  if (auto ask = decode_ask (m.body ()))
    to_hub (m.body ().size (), false,
        [where = relay_.where (*this), a = std::move (*ask)] (Hub &h) { h.on_ask (where, a); });
}

void Connection::on_ended (Link &, const Link::End &end)
{
  relay_.ended (*this, end);
}
} // namespace reach::cam
