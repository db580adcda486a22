// SPDX-License-Identifier: LGPL-2.1-or-later
#include "intake.h"
#include "receiver_engine.h"

namespace reach::cam {

Intake::Intake (ReceiverEngine &engine, std::unique_ptr<Transport> transport) : engine_ (engine)
{
  LinkCore::Config c;
  c.initiator = false;
  c.role = LinkRole::receiver;
  link_ = std::make_unique<Link> (*engine.loop_, *this, std::move (transport), c, new_key ());
}

Intake::~Intake ()
{
  told_.ended ("stopped"); // in case the link had not ended by itself
  tell ();
}

void Intake::start ()
{
  told_ = PushLinkEvents ({link_->key (), 0, 0, 0, link_->peer ()});
  told_.connecting ();
  tell ();
  link_->start ();
}

std::string Intake::host () const
{
  const std::string peer = link_->peer ();
  const std::string h = peer.substr (0, peer.rfind (':'));
  return h.size () > 1 && h.front () == '[' ? h.substr (1, h.size () - 2) : h;
}

void Intake::tell ()
{
  while (auto e = told_.poll_event ())
    engine_.element_.on_link_event (std::move (*e));
}

Remote *Intake::remote ()
{
  return engine_.find (remote_id_);
}

void Intake::on_hello (Link &link, const Hello &hello)
{
  if (const auto no = engine_.check_sender (hello, host ())) {
    engine_.counters_.refused++;
    return link.refuse (static_cast<RefuseCode> (no->code), no->text);
  }
  Remote *r = engine_.attach (hello, host (), link);
  if (!r)
    return link.refuse (RefuseCode::limit, "this receiver has as many senders as it takes");
  remote_id_ = r->id;
  link.set_timeout (engine_.settings_.timeout (hello.type));
  link.accept (engine_.hello (hello.type, 0, link.key (), hello.guid));
}

void Intake::on_established (Link &, const Hello &peer)
{
  told_.connected (peer.session_key);
  tell ();
}

void Intake::on_received (Link &link, Incoming m)
{
  if (Remote *r = remote ())
    engine_.on_message (*r, link, std::move (m));
}

void Intake::on_clock (Link &, const Ping &p)
{
  if (Remote *r = remote ())
    engine_.sample_clock (*r, p);
}

void Intake::on_streams (Link &link, const StreamList &l)
{
  if (Remote *r = remote ())
    engine_.update_streams (*r, l, link.core ().peer ().type);
}

void Intake::on_ended (Link &link, const Link::End &end)
{
  told_.ended (end.detail);
  tell ();
  engine_.detach (link, end);
  engine_.intake_ended (this);
}
} // namespace reach::cam
