// SPDX-License-Identifier: LGPL-2.1-or-later
#include "data_connection.h"

namespace reach::turn {
using namespace stun;

DataConnection::DataConnection (const Client &of, std::uint32_t id, TimePoint now)
    : crypto_ (of.config ().crypto), auth_ (of.authenticator (), crypto_), id_ (id),
      fingerprint_ (of.config ().fingerprint), room_ (of.config ().limits.request),
      max_challenges_ (of.config ().limits.challenges), framer_ (room_),
      transactions_ (of.config ().retransmission, true, 1)
{
  auth_.new_path ();
  send (0, now);
}

void DataConnection::fail (Why why, unsigned code)
{
  state_ = State::failed;
  why_ = why;
  code_ = code;
  transactions_.clear ();
}

void DataConnection::send (unsigned challenges, TimePoint now)
{
  std::vector<std::uint8_t> buffer (room_);
  TransactionId id;
  crypto_.random (id);
  Builder b (buffer, Method::connection_bind, Class::request, id);
  b.u32 (Attr::connection_id, id_);
  Request r{Method::connection_bind};
  r.challenges = challenges;
  r.proof = auth_.sign (b);
  if (fingerprint_)
    b.fingerprint ();
  if (b.failed ())
    return fail (Why::bad_credentials, 0);
  const Bytes wire = b.message ();
  out_.assign (wire.begin (), wire.end ());
  transactions_.add (id, wire, std::move (r), now);
}

void DataConnection::input (Bytes in, TimePoint now)
{
  framer_.input (in);
  while (state_ == State::binding) {
    const auto frame = framer_.next ();
    if (!frame)
      break;
    if (const auto m = Message::parse (*frame))
      receive (*m, now);
  }
  if (framer_.failed () && state_ == State::binding)
    fail (Why::bad_response, 0);
}

void DataConnection::receive (const Message &m, TimePoint now)
{
  const bool answer = m.kind () == Class::success || m.kind () == Class::error;
  auto t = answer ? transactions_.take (m.transaction ()) : std::optional<Transaction> ();
  if (!t)
    return;
  const auto e = m.error ();
  const unsigned code = m.kind () == Class::error && e ? e->code : 0;
  if (code == code::unauthenticated || code == code::stale_nonce) {
    const auto a = auth_.challenged (m, t->request.proof);
    if (a != Authenticator::Answer::retry)
      return fail (Why::wrong_credentials, code);
    if (t->request.challenges >= max_challenges_)
      return fail (Why::stale_nonces, code);
    return send (t->request.challenges + 1, now);
  }
  if (!auth_.verify (m, t->request.proof))
    return fail (Why::integrity, 0);
  if (m.kind () == Class::error)
    return fail (Why::refused, code);
  state_ = State::bound;
}

void DataConnection::timeout (TimePoint now)
{
  if (transactions_.next_due (now, [] (const auto &) {}))
    fail (Why::timeout, 0);
}

TimePoint DataConnection::poll_timeout () const
{
  return transactions_.poll_timeout ();
}
} // namespace reach::turn
