// SPDX-License-Identifier: LGPL-2.1-or-later
#include "cluster.h"
#include <charconv>

namespace reach::rtc::pool {
namespace {
using Kind = Outside::Kind;
constexpr std::size_t max_held = 10000;
// What is kept of what was sent.
constexpr std::size_t max_kept = 10000, max_kept_bytes = 8 << 20;
constexpr Duration ask_pause = milliseconds (250);

struct Word {
  Kind kind;
  const char *word;
};
constexpr Word words[] = {{Kind::want, "want"}, {Kind::in, "in"}, {Kind::out, "out"},
    {Kind::describe, "describe"}, {Kind::sdp, "sdp"}, {Kind::candidate, "candidate"},
    {Kind::relay, "relay"}, {Kind::send, "send"}, {Kind::broadcast, "broadcast"},
    {Kind::stop, "stop"}, {Kind::add, "add"}, {Kind::remove, "remove"}};

const char *word_of (Kind k)
{
  for (const Word &w : words)
    if (w.kind == k)
      return w.word;
  return "";
}

std::optional<Kind> kind_of (std::string_view word)
{
  for (const Word &w : words)
    if (w.word == word)
      return w.kind;
  return {};
}

std::uint64_t number (const json::Value &m, const char *name)
{
  const auto v = json::member (m, name);
  std::uint64_t n = 0;
  if (v && v->is (json::Kind::number))
    std::from_chars (v->text.data (), v->text.data () + v->text.size (), n);
  return n;
}

std::string text_of (const Outside &o)
{
  std::string s;
  const auto put = [&s] (const char *name, const std::string &value) {
    if (!value.empty ())
      s.append (",\"").append (name).append ("\":").append (json::quote (value));
  };
  put ("pool", o.pool);
  put ("peer", o.peer);
  put ("to", o.to);
  put ("type", o.type);
  if (!o.data.empty ())
    s += ",\"data\":" + o.data;
  if (!o.except.empty ()) {
    std::string all;
    for (const std::string &peer : o.except)
      all.append (all.empty () ? "" : ",").append (json::quote (peer));
    s.append (",\"except\":[").append (all).append ("]");
  }
  return s + ",\"stamp\":" + std::to_string (o.stamp);
}

std::optional<Outside> outside_of (std::string_view kind, const json::Value &m)
{
  const auto k = kind_of (kind);
  if (!k)
    return {};
  const auto text = [&m] (const char *name) {
    return json::string_member (m, name).value_or (std::string ());
  };
  Outside o{
      *k, text ("pool"), text ("peer"), text ("to"), text ("type"), {}, {}, number (m, "stamp")};
  const auto [data, except] = json::members<2> (m, {std::string_view ("data"), "except"});
  o.data = data ? data->text : "null";
  if (except)
    for (json::Items i (*except); i.next ();)
      if (auto peer = json::string_of (i.value ()))
        o.except.push_back (std::move (*peer));
  return o;
}
} // namespace

Cluster::Cluster (Pools &pools, const std::string &node, const Times &times, TimePoint now)
    : pools_ (pools), node_ (node), times_ (times), next_ (now), heard_ (now)
{
}

std::string Cluster::head (const char *kind) const
{
  return "{\"node\":\"" + node_ + "\",\"run\":" + std::to_string (run_) +
         ",\"clock\":" + std::to_string (pools_.clock ()) +
         ",\"count\":" + std::to_string (sent_.count) + ",\"kind\":\"" + kind + '"';
}

void Cluster::publish (std::string text, const std::string &to)
{
  messages_.push_back ({to, std::move (text)});
}

void Cluster::keep (Sent &sent, std::string text, const std::string &to)
{
  sent.bytes += text.size ();
  sent.texts.push_back (text);
  while (sent.texts.size () > max_kept || sent.bytes > max_kept_bytes) {
    sent.bytes -= sent.texts.front ().size ();
    sent.texts.pop_front ();
  }
  publish (std::move (text), to);
}

// What must arrive. rest: further members, each with a comma in front.
void Cluster::send (const char *kind, const std::string &rest, const std::string &to)
{
  const auto n = nodes_.find (to);
  if (!to.empty () && n == nodes_.end ())
    return;
  Sent &sent = to.empty () ? sent_ : n->second.sent;
  const std::string number = std::to_string (++sent.count);
  keep (sent, head (kind) + (to.empty () ? ",\"all\":" : ",\"own\":") + number + rest + "}", to);
}

void Cluster::alive ()
{
  std::string sent;
  for (const auto &[id, n] : nodes_) {
    if (!sent.empty ())
      sent += ',';
    sent.append (json::quote (id)).append (":").append (std::to_string (n.sent.count));
  }
  publish (head ("alive") + (ready_ ? "" : ",\"gathers\":true") + ",\"sent\":{" + sent + "}}");
}

// True: it is the next one of its sender, or has no number. What a node sends to one is behind what
// it sent to all before.
bool Cluster::in_order (const Sender &from, Node &n, const json::Value &m, TimePoint now)
{
  const std::uint64_t all = number (m, "all"), own = number (m, "own");
  if (!all && !own)
    return true;
  std::uint64_t &next = all ? n.next_all : n.next_own;
  const std::uint64_t have = all ? all : own;
  if (have < next)
    return false;
  if (have > next || (own && from.count >= n.next_all)) {
    ask_again (from.node, n, now);
    return false;
  }
  next++;
  return true;
}

void Cluster::ask_again (const std::string &node, Node &n, TimePoint now)
{
  if (now - n.asked < ask_pause)
    return;
  n.asked = now;
  publish (head ("again") + ",\"all\":" + std::to_string (n.next_all) +
               ",\"own\":" + std::to_string (n.next_own) + "}",
      node);
}

void Cluster::send_again (const std::string &node, Node &n, const json::Value &m)
{
  const auto resend = [&] (const Sent &sent, std::uint64_t from) {
    const std::uint64_t first = sent.count - sent.texts.size () + 1;
    if (from < first)
      return false;
    for (std::uint64_t i = from; i <= sent.count; i++)
      publish (sent.texts[i - first], node);
    return true;
  };
  if (!resend (sent_, number (m, "all")) || !resend (n.sent, number (m, "own")))
    publish (head ("given-up") + ",\"of\":" + std::to_string (n.run) + "}", node);
}

void Cluster::stop ()
{
  publish (head ("bye") + "}");
}

// What is said before this node is ready is of who wants to join, and of its own application.
void Cluster::say (const Outside &o)
{
  if (!ready_) {
    if (held_.size () < max_held)
      held_.push_back (o);
    return;
  }
  if (o.kind == Kind::want) {
    auto &nodes = awaited_[o.peer];
    for (const auto &[id, n] : nodes_)
      nodes.insert (id);
  } else if (o.kind == Kind::out) {
    awaited_.erase (o.peer);
  }
  send (word_of (o.kind), text_of (o), o.node);
  if (o.kind == Kind::want)
    acknowledged ({}, o.peer); // there may be nobody to wait for
}

void Cluster::say_all ()
{
  while (const auto o = pools_.poll_outside ())
    say (*o);
}

std::optional<Cluster::Message> Cluster::poll_message ()
{
  say_all ();
  if (messages_.empty ())
    return {};
  Message m = std::move (messages_.front ());
  messages_.pop_front ();
  return m;
}

void Cluster::acknowledged (const std::string &node, const std::string &peer)
{
  const auto at = awaited_.find (peer);
  if (at == awaited_.end ())
    return;
  at->second.erase (node);
  if (!at->second.empty ())
    return;
  awaited_.erase (at);
  pools_.agreed (peer);
}

void Cluster::input (std::string_view text, TimePoint now)
{
  const auto m = json::parse (text, json::max_depth + 8);
  const auto node = m ? json::string_member (*m, "node") : std::nullopt;
  const auto kind = m ? json::string_member (*m, "kind") : std::nullopt;
  if (!node || !kind) {
    malformed_++;
    return;
  }
  const Sender from{*node, number (*m, "run"), number (*m, "count")};
  if (from.node == node_)
    return from.run == run_ ? on_own (now) : void ();
  pools_.advance_clock (number (*m, "clock"));
  if (*kind == "alive")
    return on_alive (from, *m, now);
  if (*kind == "given-up") {
    if (number (*m, "of") == run_)
      restart (now);
    return;
  }
  if (*kind == "state" && !ready_)
    meet (from, now);
  const auto n = nodes_.find (from.node);
  if (n == nodes_.end () || n->second.run != from.run)
    return;
  if (*kind == "again")
    send_again (from.node, n->second, *m);
  else if (in_order (from, n->second, *m, now))
    on_known (from, n->second, *kind, *m);
  check_ready (now);
}

void Cluster::on_known (const Sender &from, Node &n, const std::string &kind, const json::Value &m)
{
  if (kind == "ack")
    return acknowledged (from.node, json::string_member (m, "peer").value_or (std::string ()));
  if (kind == "state") {
    n.told = true;
    return;
  }
  if (kind == "bye")
    return gone (nodes_.find (from.node));
  const auto o = outside_of (kind, m);
  if (!o) {
    malformed_++;
    return;
  }
  pools_.outside (from.node, *o);
  say_all (); // what it has caused comes before the answer
  if (o->kind == Kind::want)
    send ("ack", ",\"peer\":" + json::quote (o->peer), from.node);
}

void Cluster::on_own (TimePoint now)
{
  heard_ = now;
  if (!std::exchange (connected_, true))
    ready_at_ = now + times_.gather;
}

// Two that have members and do not know each other cannot be put together: one starts again.
void Cluster::on_alive (const Sender &from, const json::Value &m, TimePoint now)
{
  auto n = nodes_.find (from.node);
  if (n != nodes_.end () && n->second.run == from.run) {
    n->second.seen = now;
    const auto sent = json::member (m, "sent");
    if (from.count >= n->second.next_all ||
        (sent && number (*sent, node_.c_str ()) >= n->second.next_own))
      ask_again (from.node, n->second, now);
    return check_ready (now);
  }
  if (n != nodes_.end ())
    gone (n);
  const auto g = json::member (m, "gathers");
  const bool gathers = g && g->text == "true";
  if (ready_ && !gathers) {
    if (from.node < node_)
      restart (now);
    else
      publish (head ("given-up") + ",\"of\":" + std::to_string (from.run) + "}", from.node);
    return;
  }
  meet (from, now);
}

void Cluster::meet (const Sender &from, TimePoint now)
{
  const auto [at, is_new] =
      nodes_.try_emplace (from.node, Node{from.run, now, from.count + 1, 1, {}, {}, false});
  if (!is_new)
    return;
  alive (); // it knows this run before it hears what there is
  tell_state (from.node);
}

// One message for each, so that none is longer than any other; the last one says that it is all.
void Cluster::tell_state (const std::string &to)
{
  for (const Outside &o : pools_.snapshot ())
    if (ready_)
      send (word_of (o.kind), text_of (o), to);
  send ("state", {}, to);
}

void Cluster::gone (Nodes::iterator n)
{
  const std::string node = n->first;
  nodes_.erase (n);
  pools_.node_gone (node);
  std::vector<std::string> peers;
  for (const auto &[peer, nodes] : awaited_)
    if (nodes.contains (node))
      peers.push_back (peer);
  for (const std::string &peer : peers)
    acknowledged (node, peer);
}

void Cluster::restart (TimePoint now)
{
  run_++;
  nodes_.clear ();
  awaited_.clear ();
  held_.clear ();
  messages_.clear ();
  sent_ = {};
  ready_ = connected_ = late_ = false;
  heard_ = now;
  pools_.let_go ();
  alive ();
}

void Cluster::check_ready (TimePoint now)
{
  if (ready_ || !connected_ || now < ready_at_)
    return;
  late_ = true; // nothing but a message can help
  for (const auto &[id, n] : nodes_)
    if (!n.told)
      return;
  ready_ = true;
  alive ();
  for (const Outside &o : std::exchange (held_, {}))
    say (o);
}

void Cluster::timeout (TimePoint now)
{
  if (now >= next_) {
    alive ();
    next_ = now + times_.alive;
  }
  for (auto n = nodes_.begin (); n != nodes_.end ();) {
    const auto at = n++;
    if (now - at->second.seen >= times_.dead)
      gone (at);
  }
  if (now - heard_ >= times_.dead)
    restart (now);
  check_ready (now);
}
} // namespace reach::rtc::pool
