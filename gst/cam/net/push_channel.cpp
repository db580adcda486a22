// SPDX-License-Identifier: LGPL-2.1-or-later
#include "push_channel.h"
#include "sender_engine.h"

namespace reach::cam {

PushChannel::PushChannel (SenderEngine &engine, MediaType type)
    : engine_ (engine), type_ (type),
      queue_ (type, Deliveries::queue_limits (type, engine.settings_)),
      retry_ (engine.loop_->timers (), [this] { pump (); })
{
  if (Deliveries::carries (type))
    lane_ = &engine.deliveries_->add (type, queue_, [this] { pump (); });
}

PushChannel::~PushChannel ()
{
  told_.ended ("stopped"); // in case the link had not ended by itself
  tell ();
}

void PushChannel::push (MessageRef m, TimePoint now)
{
  if (!gave_up_)
    queue_.push (std::move (m), now);
}

bool PushChannel::due () const
{
  return !queue_.empty () || (lane_ && lane_->count () > 0) ||
         (type_ == MediaType::command && engine_.asks_->unsent ());
}

// A media server is asked over the link of commands.
void PushChannel::pump_asks ()
{
  if (type_ != MediaType::command || !engine_.asks_->unsent ())
    return;
  if (gave_up_)
    engine_.asks_->fail_unsent (AskReply::not_connected (last_));
  else if (open () && link_->core ().peer ().relay)
    engine_.asks_->send (*link_);
  else if (open ())
    engine_.asks_->fail_unsent (AskReply::no_server ());
}

void PushChannel::pump ()
{
  engine_.report_drops (queue_, type_);
  pump_asks ();
  if (link_)
    link_->pump ();
  else if (lane_ && gave_up_ && lane_->count () > 0)
    lane_->give_up ("there is no connection to this receiver any more");
  else if (due () && !retry_.armed () && !stopping_ && !gave_up_ && engine_.streams_known ())
    connect ();
}

void PushChannel::tell ()
{
  while (auto e = told_.poll_event ())
    engine_.element_.on_link_event (std::move (*e));
}

void PushChannel::connect ()
{
  const Settings &s = engine_.settings_;
  std::string error;
  link_key_ = new_key ();
  engine_.counters_.connects++;
  auto transport = make_transport (
      *engine_.loop_, engine_.storage_, s, s.host, s.port, type_, LinkRole::sender, error);
  if (!transport) {
    gave_up_ = true;
    engine_.element_.on_fatal (CloseReason::local, "This protocol is not in this build.", error);
    return;
  }
  peer_ = transport->peer ();
  LinkCore::Config c;
  c.role = LinkRole::sender;
  c.timeout = s.timeout (type_);
  c.idle = s.idle_timeout;
  link_ = std::make_unique<Link> (*engine_.loop_, *this, std::move (transport), c, link_key_);
  told_ = PushLinkEvents ({link_key_, engine_.session_key_, 0, type_bit (type_), peer_});
  told_.connecting ();
  tell ();
  link_->start ();
}

Hello PushChannel::make_hello (Link &)
{
  return engine_.hello (type_, link_key_);
}

Ping PushChannel::make_ping ()
{
  const auto c = engine_.element_.read_clock ();
  return {0, c.running_time, c.latency, engine_.epoch_};
}

void PushChannel::on_established (Link &, const Hello &peer)
{
  peer_ = link_->peer ();
  backoff_.reset ();
  told_.connected (peer.session_key);
  tell ();
  if (std::exchange (broken_, false)) {
    // What was under way when the link broke is lost: start where a decoder can.
    for (const auto &[id, info] : engine_.streams_)
      if (info.type == type_ && type_ == MediaType::video) {
        queue_.wait_for_key (id);
        engine_.keys_->request (id);
      }
  }
  if (link_->core ().list_cut ())
    link_->send_control (engine_.streams_message ());
  if (lane_)
    engine_.deliveries_->linked (
        type_, {peer_, peer.guid, peer.session_key, peer.run_id, peer.relay});
  link_->set_queue (&queue_);
  pump ();
}

void PushChannel::on_received (Link &, Incoming m)
{
  if (m.header ().kind == Kind::notice)
    return engine_.on_notice (peer_, m.body ());
  if (!lane_)
    return;
  if (m.header ().kind == Kind::answer) {
    engine_.asks_->on_answer (m.body ());
  } else {
    lane_->acknowledged (m.header ().kind, m.body ());
    engine_.deliveries_->note (type_);
  }
  pump ();
  if (link_ && idle_ && !awaits ())
    link_->finish (ByeReason::idle);
}

// Acknowledgements or answers.
bool PushChannel::awaits () const
{
  return (lane_ && lane_->count () > 0) ||
         (type_ == MediaType::command && engine_.asks_->outstanding ());
}

void PushChannel::on_key_wanted (Link &, std::uint16_t stream)
{
  if (engine_.streams_.count (stream))
    engine_.keys_->request (stream);
}

void PushChannel::on_idle (Link &link)
{
  idle_ = awaits ();
  if (!idle_)
    link.finish (ByeReason::idle);
}

void PushChannel::on_bandwidth (Link &, std::uint64_t bits_per_second)
{
  engine_.element_.on_bandwidth (bits_per_second);
}

void PushChannel::on_sent (Link &)
{
  engine_.report_drops (queue_, type_);
  if (queue_.empty ())
    engine_.tell_drained ();
}

void PushChannel::on_ended (Link &, const Link::End &end)
{
  engine_.link_ended (end);
  engine_.asks_->link_ended (*link_);
  last_ = end.detail;
  told_.ended (end.detail);
  tell ();
  engine_.loop_->destroy_later (std::move (link_));
  if (lane_)
    lane_->unlinked ();
  idle_ = false;
  engine_.tell_drained ();
  if (!stopping_)
    retry (end);
}

void PushChannel::retry (const Link::End &end)
{
  const bool orderly = end.was_established && end.why == CloseReason::local;
  if (orderly) {
    pump (); // closed as idle or made anew: at once again if something has come meanwhile
    return;
  }
  broken_ = broken_ || end.was_established;
  if (end.for_good () || !engine_.settings_.reconnect) {
    gave_up_ = true;
    queue_.clear ();
    pump_asks ();
    if (lane_) {
      lane_->give_up (end.detail);
      engine_.deliveries_->note (type_);
    }
    if (end.refused == RefuseCode::type_not_offered)
      return; // the other types go on
    engine_.element_.on_fatal (end.refused ? CloseReason::unauthorized : end.why,
        end.for_good () ? peer_ + " refuses this sender: " + end.detail
                        : "Could not keep a connection to " + peer_ + ": " + end.detail,
        close_reason_name (end.why));
    return;
  }
  const Duration wait = backoff_.next (static_cast<std::uint32_t> (new_key () * 2654435761u));
  retry_.arm (Clock::now () + std::max (wait, end.least_wait ()));
}

void PushChannel::remake ()
{
  if (link_)
    link_->finish (ByeReason::closed_by_application);
}

void PushChannel::stop ()
{
  stopping_ = true;
  retry_.cancel ();
  if (link_)
    link_->finish (ByeReason::stopping);
}
} // namespace reach::cam
