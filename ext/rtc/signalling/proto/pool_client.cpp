// SPDX-License-Identifier: LGPL-2.1-or-later
#include "pool_client.h"
#include <algorithm>
#include <charconv>

namespace reach::rtc {
namespace {
constexpr std::size_t max_sentence = 1024; // bytes of an error's text

// A word behind rtc:, which makes a message the pool's matter.
bool is_ours (std::string_view type)
{
  return type.starts_with ("rtc:") && type.size () > 4;
}

bool has_control (std::string_view s)
{
  return std::any_of (
      s.begin (), s.end (), [] (char c) { return (c >= 0 && c < ' ') || c == 0x7f; });
}

// Nothing for what is no text to hand on: it ends in the middle for whoever reads it as C does.
std::optional<std::string> text_of (const std::optional<json::Value> &v)
{
  auto s = v ? json::string_of (*v) : std::nullopt;
  return s && s->find ('\0') == std::string::npos ? s : std::nullopt;
}

// At most n bytes, whole characters of UTF-8.
std::string cut (std::string s, std::size_t n)
{
  if (s.size () <= n)
    return s;
  while (n > 0 && (s[n] & 0xc0) == 0x80)
    n--;
  s.resize (n);
  return s;
}

int index_of (const std::optional<json::Value> &v)
{
  std::uint16_t n = 0;
  if (!v || !v->is (json::Kind::number))
    return -1;
  const char *end = v->text.data () + v->text.size ();
  const auto [at, fault] = std::from_chars (v->text.data (), end, n);
  return fault == std::errc () && at == end ? n : -1;
}

bool is_utf8 (std::string_view text)
{
  return json::parse (json::quote (text)).has_value ();
}

bool is_type (std::string_view t)
{
  return t == "offer" || t == "answer" || t == "pranswer" || t == "rollback";
}
} // namespace

PoolClientCore::PoolClientCore (unsigned version, const Limits &limits)
    : limits_ (limits), only_ (version == 1   ? Version::v1
                               : version == 2 ? Version::v2
                                              : Version::unknown)
{
}

const PoolClientCore::Entry *PoolClientCore::entry_of (std::string_view type)
{
  using C = PoolClientCore;
  static const std::unordered_map<std::string_view, Entry> entries{
      {"rtc:joined", {&C::on_joined, Version::unknown}},
      {"rtc:peer", {&C::on_peer, Version::v2}},
      {"rtc:request_offers", {&C::on_request_offers, Version::v1}},
      {"rtc:sdp", {&C::on_sdp, Version::v2}},
      {"rtc:offer", {&C::on_offer, Version::v1}},
      {"rtc:answer", {&C::on_answer, Version::v1}},
      {"rtc:candidate", {&C::on_candidate, Version::unknown}},
      {"rtc:describe", {&C::on_describe, Version::unknown}},
      {"rtc:close", {&C::on_close, Version::unknown}},
      {"rtc:stop", {&C::on_stop, Version::unknown}},
      {"rtc:error", {&C::on_error, Version::unknown}},
  };
  const auto at = entries.find (type);
  return at == entries.end () ? nullptr : &at->second;
}

void PoolClientCore::input_text (std::string_view text)
{
  const auto v = text.size () <= limits_.message ? json::parse (text, limits_.depth) : std::nullopt;
  const auto [type, data] =
      json::members<2> (v.value_or (Data{}), {std::string_view ("type"), "data"});
  if (const auto t = text_of (type))
    input (*t, data.value_or (Data{}));
}

void PoolClientCore::input (std::string_view type, std::string_view data)
{
  if (data.size () > limits_.message)
    return;
  if (const auto v = json::parse (data, limits_.depth))
    input (type, *v);
}

void PoolClientCore::input (std::string_view type, const Data &data)
{
  if (state_ == State::over || type.empty () || type.size () > limits_.name)
    return;
  if (is_ours (type)) {
    const Entry *e = entry_of (type);
    const bool understood =
        e && (e->version == Version::unknown || only_ == Version::unknown || e->version == only_);
    if (understood)
      (this->*e->handler) (data);
  } else if (!has_control (type) && is_utf8 (type)) {
    events_.push_back (AppMessage{std::string (type), std::string (data.text)});
  }
}

std::optional<PoolClientCore::Event> PoolClientCore::poll_event ()
{
  if (events_.empty ())
    return {};
  std::optional<Event> e (std::move (events_.front ()));
  events_.pop_front ();
  return e;
}

// An id, or a pool's name.
std::optional<std::string> PoolClientCore::name_of (const std::optional<Data> &v) const
{
  auto s = text_of (v);
  const bool good = s && !s->empty () && s->size () <= limits_.name && !has_control (*s);
  return good ? s : std::nullopt;
}

// The first version, and some servers of the second, call it uid.
std::optional<std::string> PoolClientCore::id_of (const Data &data) const
{
  const auto [id, uid] = json::members<2> (data, {std::string_view ("id"), "uid"});
  auto name = name_of (id);
  return name ? name : name_of (uid);
}

std::string PoolClientCore::description_of (const std::optional<Data> &v) const
{
  const bool good = v && v->is (json::Kind::object) && v->text.size () <= limits_.description;
  return good ? std::string (v->text) : std::string ();
}

PoolClientCore::Known *PoolClientCore::add (const std::string &id)
{
  if (id == id_ || peers_.size () >= limits_.peers)
    return nullptr;
  const auto [at, added] = peers_.try_emplace (id);
  return added ? &at->second : nullptr;
}

PoolClientCore::Known *PoolClientCore::find (const std::optional<std::string> &id)
{
  const auto at = id ? peers_.find (*id) : peers_.end ();
  return at == peers_.end () ? nullptr : &at->second;
}

// A second one is of a connection that the application's transport has made anew by itself.
void PoolClientCore::on_joined (const Data &data)
{
  const auto [id, pool, peers, descriptions] =
      json::members<4> (data, {std::string_view ("client_id"), "pool", "peers", "descriptions"});
  const auto own = name_of (id);
  if ((state_ != State::joining && state_ != State::joined) || !own || *own == id_)
    return;
  state_ = State::joined;
  peers_.clear ();
  first_alone_ = false;
  id_ = *own;
  Joined j{id_, name_of (pool).value_or (asked_), {}};
  std::unordered_map<std::string, std::size_t> at; // in j.there
  for (json::Items i (peers.value_or (Data{})); i.next ();) {
    const auto peer = name_of (i.value ());
    if (!peer || !add (*peer))
      continue;
    at[*peer] = j.there.size ();
    j.there.push_back ({*peer, {}});
  }
  for (json::Items i (descriptions.value_or (Data{})); i.next ();)
    if (const auto found = at.find (name_of (i.name ()).value_or ("")); found != at.end ())
      j.there[found->second].description = description_of (i.value ());
  events_.push_back (std::move (j));
}

void PoolClientCore::on_peer (const Data &data)
{
  const auto id = id_of (data);
  if (state_ != State::joined || !id)
    return;
  first_alone_ = false;
  if (Known *known = find (id)) {
    if (known->last_in == Version::unknown)
      known->version = Version::unknown; // the server has said it in version 1 before
  } else if (add (*id)) {
    events_.push_back (PeerJoined{*id});
  }
}

void PoolClientCore::on_request_offers (const Data &data)
{
  const auto id = name_of (json::member (data, "for"));
  if (state_ != State::joined || !id)
    return;
  Known *known = add (*id);
  if (!known)
    return; // it was announced in version 2
  known->version = Version::v1;
  first_alone_ = true;
  events_.push_back (PeerJoined{*id});
}

void PoolClientCore::on_sdp (const Data &data)
{
  const auto [peer, d] = json::members<2> (data, {std::string_view ("peer"), "description"});
  if (const auto from = name_of (peer); from && d)
    on_description (*from, *d, Version::v2, nullptr);
}

void PoolClientCore::on_offer (const Data &data)
{
  const auto [peer, d] = json::members<2> (data, {std::string_view ("for"), "offer"});
  if (const auto from = name_of (peer); from && d)
    on_description (*from, *d, Version::v1, "offer");
}

void PoolClientCore::on_answer (const Data &data)
{
  const auto [peer, d] = json::members<2> (data, {std::string_view ("for"), "answer"});
  if (const auto from = name_of (peer); from && d)
    on_description (*from, *d, Version::v1, "answer");
}

// implied: the type that the message's name says; null: it says none.
void PoolClientCore::on_description (
    const std::string &peer, const Data &description, Version v, const char *implied)
{
  Known *from = find (peer);
  const auto [t, s] = json::members<2> (description, {std::string_view ("type"), "sdp"});
  const std::string type = text_of (t).value_or (implied ? implied : "");
  const auto sdp = type == "rollback" ? std::string () : text_of (s);
  if (!from || !is_type (type) || (implied && type != implied) || !sdp ||
      sdp->size () > limits_.sdp || is_copy (*from, v, type, *sdp))
    return;
  from->version = v;
  events_.push_back (Described{peer, type, *sdp});
}

bool PoolClientCore::is_copy (Known &from, Version v, std::string_view type, std::string_view sdp)
{
  const std::size_t hash =
      std::hash<std::string_view>{}(sdp) ^ (std::hash<std::string_view>{}(type) << 1);
  const bool copy = from.last_in != Version::unknown && from.last_in != v && from.last == hash;
  from.last = copy ? 0 : hash;
  from.last_in = v;
  if (copy)
    from.version = Version::v2;
  return copy;
}

void PoolClientCore::on_candidate (const Data &data)
{
  const auto [peer, c] = json::members<2> (data, {std::string_view ("from"), "candidate"});
  const auto from = name_of (peer);
  if (!find (from) || !c || c->text.size () > limits_.candidate)
    return;
  if (c->is (json::Kind::null))
    return events_.push_back (CandidateCame{*from, {}});
  if (!c->is (json::Kind::object))
    return;
  const auto [text, mid, index, ufrag] = json::members<4> (
      *c, {std::string_view ("candidate"), "sdpMid", "sdpMLineIndex", "usernameFragment"});
  events_.push_back (
      CandidateCame{*from, {text_of (text).value_or (""), text_of (mid).value_or (""),
                               index_of (index), text_of (ufrag).value_or ("")}});
}

void PoolClientCore::on_describe (const Data &data)
{
  const auto id = id_of (data);
  if (find (id))
    events_.push_back (PeerDescribed{*id, description_of (json::member (data, "description"))});
}

void PoolClientCore::on_close (const Data &data)
{
  const auto id = id_of (data);
  if (id && peers_.erase (*id) > 0)
    events_.push_back (PeerClosed{*id});
}

void PoolClientCore::on_stop (const Data &)
{
  if (state_ != State::joined)
    return;
  state_ = State::over;
  peers_.clear ();
  events_.push_back (Stopped{});
}

void PoolClientCore::on_error (const Data &data)
{
  const auto [m, r] = json::members<2> (data, {std::string_view ("message"), "reason"});
  Error e{text_of (m).value_or (""), text_of (r).value_or (""), state_ == State::joining};
  if (e.message.empty ())
    e.message = e.reason.empty () ? "The server says that something is wrong" : e.reason;
  e.message = cut (std::move (e.message), max_sentence);
  e.reason = cut (std::move (e.reason), max_sentence);
  if (e.refused)
    state_ = State::idle;
  events_.push_back (std::move (e));
}

std::optional<PoolClientCore::Message> PoolClientCore::message (
    const char *type, std::string data) const
{
  if (data.size () > limits_.sent)
    return {};
  return Message{type, std::move (data)};
}

std::optional<PoolClientCore::Message> PoolClientCore::join (const std::string &pool)
{
  if (state_ != State::idle || pool.empty () || pool.size () > limits_.name || has_control (pool) ||
      !is_utf8 (pool))
    return {};
  state_ = State::joining;
  asked_ = pool;
  return message ("rtc:join", "{\"pool\":" + json::quote (pool) + "}");
}

std::optional<PoolClientCore::Message> PoolClientCore::description (
    const std::string &peer, const std::string &type, const std::string &sdp) const
{
  const auto to = peers_.find (peer);
  if (state_ != State::joined || to == peers_.end () || !is_type (type) || !is_utf8 (sdp))
    return {};
  const Version heard = to->second.version;
  const Version v = only_ != Version::unknown   ? only_
                    : heard != Version::unknown ? heard
                    : first_alone_              ? Version::v1
                                                : Version::v2;
  const std::string id = json::quote (peer);
  const std::string d = "{\"type\":\"" + type + "\",\"sdp\":" + json::quote (sdp) + "}";
  if (v == Version::v2)
    return message ("rtc:sdp", "{\"to\":" + id + ",\"description\":" + d + "}");
  if (type == "offer")
    return message ("rtc:offers", "{" + id + ":" + d + "}");
  if (type == "answer")
    return message ("rtc:answer",
        "{\"from\":" + json::quote (id_) + ",\"for\":" + id + ",\"answer\":" + d + "}");
  return {};
}

std::optional<PoolClientCore::Message> PoolClientCore::candidate (
    const std::string &peer, const Candidate &c) const
{
  if (state_ != State::joined || !peers_.contains (peer) || !is_utf8 (c.text + c.mid + c.ufrag))
    return {};
  std::string value = "null";
  if (!c.text.empty ()) {
    value = "{\"candidate\":" + json::quote (c.text);
    value += ",\"sdpMid\":" + (c.mid.empty () ? "null" : json::quote (c.mid));
    value += ",\"sdpMLineIndex\":" + (c.mline < 0 ? "null" : std::to_string (c.mline));
    value += ",\"usernameFragment\":" + (c.ufrag.empty () ? "null" : json::quote (c.ufrag)) + "}";
  }
  return message ("rtc:candidate", "{\"from\":" + json::quote (id_) + ",\"for\":" +
                                       json::quote (peer) + ",\"candidate\":" + value + "}");
}

std::optional<PoolClientCore::Message> PoolClientCore::app_message (
    const std::string &type, const std::string &json) const
{
  if (state_ != State::joined || type.empty () || type.size () > limits_.name || is_ours (type) ||
      has_control (type) || !is_utf8 (type) || json.size () > limits_.sent)
    return {};
  const auto v = json::parse (json, limits_.depth);
  if (!v || !v->is (json::Kind::object))
    return {};
  return Message{type, std::string (v->text)};
}
} // namespace reach::rtc
