// SPDX-License-Identifier: LGPL-2.1-or-later
#include "subscriber.h"
#include "sender_engine.h"

namespace reach::cam {

Subscriber::Subscriber (SenderEngine &engine, std::unique_ptr<Transport> transport)
    : engine_ (engine)
{
  LinkCore::Config c;
  c.initiator = false;
  c.role = LinkRole::sender;
  c.timeout = engine.settings_.timeout (MediaType::video);
  c.by_request = true;
  link_ = std::make_unique<Link> (*engine.loop_, *this, std::move (transport), c, new_key ());
}

Subscriber::~Subscriber ()
{
  leave_lane ();
  told_.ended ("stopped"); // in case the link had not ended by itself
  tell ();
}

void Subscriber::start ()
{
  told_ = PushLinkEvents ({link_->key (), engine_.session_key_, 0, 0, link_->peer ()});
  told_.connecting ();
  tell ();
  link_->start ();
}

void Subscriber::tell ()
{
  while (auto e = told_.poll_event ())
    engine_.element_.on_link_event (std::move (*e));
}

Ping Subscriber::make_ping ()
{
  const auto c = engine_.element_.read_clock ();
  return {0, c.running_time, c.latency, engine_.epoch_};
}

void Subscriber::on_hello (Link &link, const Hello &hello)
{
  const Identity &me = engine_.identity_;
  if (!hello.guid_to.empty () && (!me.use_guid || hello.guid_to != me.guid))
    return link.refuse (RefuseCode::not_addressed, "there is no sender with this guid here");
  type_ = hello.type;
  link_->set_timeout (engine_.settings_.timeout (type_));
  waiting_ = true;
  if (engine_.streams_known ())
    welcome ();
  else
    engine_.streams_maybe_known ();
}

void Subscriber::welcome ()
{
  waiting_ = false;
  link_->accept (engine_.hello (type_, link_->key ()));
}

void Subscriber::on_established (Link &, const Hello &peer)
{
  if (Deliveries::carries (type_)) {
    auto &l = engine_.deliveries_->join (
        type_, {link_->peer (), peer.guid, peer.session_key, peer.run_id}, *this);
    lane_ = l.lane.get ();
    queue_ = &l.queue;
  } else {
    own_queue_ = std::make_unique<MediaQueue> (type_, engine_.settings_.queue);
    queue_ = own_queue_.get ();
  }
  for (const auto &[id, info] : engine_.streams_)
    if (info.type == type_ && type_ == MediaType::video) {
      queue_->wait_for_key (id);
      engine_.keys_->request (id);
    }
  link_->set_queue (queue_);
  engine_.listeners_[static_cast<std::size_t> (type_)].push_back (this);
  told_.connected (peer.session_key);
  tell ();
}

void Subscriber::on_received (Link &, Incoming m)
{
  if (!lane_)
    return;
  lane_->acknowledged (m.header ().kind, m.body ());
  pump ();
}

void Subscriber::on_key_wanted (Link &, std::uint16_t stream)
{
  if (engine_.streams_.count (stream))
    engine_.keys_->request (stream);
}

void Subscriber::on_sent (Link &)
{
  if (queue_ && queue_->empty ())
    engine_.tell_drained ();
}

void Subscriber::push (std::span<const MessageRef> messages)
{
  const TimePoint now = Clock::now ();
  for (const MessageRef &m : messages)
    if (m->type == type_ && queue_)
      link_->push (m, now);
  pump (now);
}

void Subscriber::pump (TimePoint now)
{
  link_->pump (now);
  if (queue_)
    engine_.report_drops (*queue_, type_);
}

void Subscriber::on_ended (Link &, const Link::End &end)
{
  engine_.link_ended (end);
  told_.ended (end.detail);
  tell ();
  leave_lane ();
  engine_.subscriber_ended (this);
}

void Subscriber::leave_lane ()
{
  if (!std::exchange (lane_, nullptr))
    return;
  link_->set_queue (nullptr);
  queue_ = nullptr;
  engine_.deliveries_->leave (type_, *this);
}

void Subscriber::displaced ()
{
  leave_lane ();
  link_->finish (ByeReason::closed_by_application);
}

void Subscriber::stop ()
{
  link_->finish (ByeReason::stopping);
}
} // namespace reach::cam
