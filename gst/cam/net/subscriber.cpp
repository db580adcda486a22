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
  if (!ended_) // stopped before the link had ended
    event (link_->core ().established () ? EventType::disconnected : EventType::connect_error,
        "stopped");
}

void Subscriber::start ()
{
  event (EventType::connecting);
  link_->start ();
}

void Subscriber::event (EventType type, const std::string &detail)
{
  engine_.element_.on_link_event ({type, engine_.session_key_, link_->core ().peer ().session_key,
      link_->key (), 0, link_->peer (), detail});
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

void Subscriber::on_established (Link &, const Hello &)
{
  queue_ = std::make_unique<MediaQueue> (type_, engine_.settings_.queue);
  for (const auto &[id, info] : engine_.streams_)
    if (info.type == type_ && type_ == MediaType::video) {
      queue_->wait_for_key (id);
      engine_.keys_->request (id);
    }
  link_->set_queue (queue_.get ());
  engine_.listeners_[static_cast<std::size_t> (type_)].push_back (this);
  event (EventType::connected);
}

void Subscriber::on_received (Link &, Incoming m)
{
  const Kind k = m.header ().kind;
  if (k == Kind::command_ack || k == Kind::file_ack)
    engine_.element_.on_acknowledged (k, std::move (m));
}

void Subscriber::on_key_wanted (Link &, std::uint16_t stream)
{
  if (engine_.streams_.count (stream))
    engine_.keys_->request (stream);
}

void Subscriber::on_sent (Link &)
{
  if (queue_->empty ())
    engine_.tell_drained ();
}

void Subscriber::pump ()
{
  link_->pump ();
  engine_.report_drops (*queue_, type_);
}

void Subscriber::on_ended (Link &, const Link::End &end)
{
  ended_ = true;
  engine_.link_ended (end);
  event (end.was_established ? EventType::disconnected : EventType::connect_error, end.detail);
  engine_.subscriber_ended (this);
}

void Subscriber::stop ()
{
  link_->finish (ByeReason::stopping);
}
} // namespace reach::cam
