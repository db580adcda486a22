// SPDX-License-Identifier: LGPL-2.1-or-later
#include "locate.h"
#include "common/lookup_count.h"
#include "common/ref.h"
#include "socket_address.h"
#include <algorithm>
#include <cstring>

namespace reach::turn {
std::vector<reach::Address> by_turns (std::vector<reach::Address> found)
{
  std::vector<reach::Address> sorted;
  while (!found.empty ()) {
    const auto other = std::ranges::find_if (found, [&] (const reach::Address &a) {
      return !sorted.empty () && a.family () != sorted.back ().family ();
    });
    const auto next = other == found.end () ? found.begin () : other;
    sorted.push_back (*next);
    found.erase (next);
  }
  return sorted;
}

namespace {
// A callback of GIO comes even after its operation was cancelled, when the owner may be gone.
struct Pending {
  Locate *owner;
  Ref<GCancellable> cancel;
  LookupCount count;
};

// Not of names that come from this host or its network rather than from DNS, of which an answer
// would be waited for: localhost (RFC 6761, 6.3), and those of one label.
bool may_have_services (std::string host)
{
  if (host.ends_with ('.'))
    host.pop_back ();
  std::ranges::transform (host, host.begin (), g_ascii_tolower);
  return host.find ('.') != host.npos && !host.ends_with (".localhost");
}
} // namespace

Locate::Locate (GMainContext *context, Question q, Done done)
    : context_ (context), question_ (std::move (q)), done_ (std::move (done))
{
  if (question_.service.empty () || reach::Address::parse (question_.host, 1) ||
      !may_have_services (question_.host)) {
    hosts_.push_back ({question_.host, question_.port});
    next ();
    return;
  }
  const auto resolver = Ref<GResolver>::adopt (g_resolver_get_default ());
  g_resolver_lookup_service_async (resolver.get (), question_.service.c_str (),
      question_.protocol.c_str (), question_.host.c_str (), cancel_, on_services,
      new Pending{this, Ref<GCancellable>::share (cancel_), {}});
}

Locate::~Locate ()
{
  g_cancellable_cancel (cancel_);
  g_object_unref (cancel_);
}

// In the order of their priorities and weights, which GLib sees to. Without such records it is the
// name itself.
void Locate::on_services (GObject *resolver, GAsyncResult *result, gpointer data)
{
  const std::unique_ptr<Pending> p (static_cast<Pending *> (data));
  GError *e = nullptr;
  GList *list = g_resolver_lookup_service_finish (G_RESOLVER (resolver), result, &e);
  const ErrorPtr error (e);
  const bool wanted = !g_cancellable_is_cancelled (p->cancel.get ());
  Locate &self = *p->owner;
  for (GList *l = list; wanted && l && self.hosts_.size () < max_hosts; l = l->next) {
    auto *t = static_cast<GSrvTarget *> (l->data);
    const std::string name = g_srv_target_get_hostname (t);
    if (!name.empty () && name != "." && g_srv_target_get_port (t) != 0)
      self.hosts_.push_back ({name, g_srv_target_get_port (t)});
  }
  g_resolver_free_targets (list);
  if (!wanted)
    return;
  if (self.hosts_.empty () && !error) // RFC 2782: a target of ".", which GLib leaves out
    return self.done_ ({}, "its SRV records say that there is no such service");
  if (self.hosts_.empty ())
    self.hosts_.push_back ({self.question_.host, self.question_.port});
  std::ranges::reverse (self.hosts_);
  self.next ();
}

void Locate::next ()
{
  const Host h = std::move (hosts_.back ());
  hosts_.pop_back ();
  resolve_ = std::make_unique<Resolve> (context_, h.name, h.port,
      [this] (std::vector<reach::Address> found, const std::string &error) {
        take (std::move (found), error);
      });
}

void Locate::take (std::vector<reach::Address> found, const std::string &error)
{
  const bool any = !found.empty ();
  if (question_.family != stun::Family::none)
    std::erase_if (found,
        [&] (const reach::Address &a) { return from_socket (a).family != question_.family; });
  if (found.empty ())
    error_ = !any ? error
                  : std::string ("it has no ") +
                        (question_.family == stun::Family::ipv6 ? "IPv6" : "IPv4") + " address";
  // One host of many addresses must not keep the others from being tried: its share, and what
  // they leave.
  const std::size_t share = (max_addresses - found_.size ()) / (hosts_.size () + 1);
  const std::vector<reach::Address> sorted = by_turns (std::move (found));
  for (std::size_t i = 0; i < sorted.size (); i++)
    (i < share ? found_ : more_).push_back (sorted[i]);
  if (!hosts_.empty ())
    return next (); // which replaces what calls this: nothing of it is used any more
  for (auto a = more_.begin (); a != more_.end () && found_.size () < max_addresses; ++a)
    found_.push_back (*a);
  const auto all = std::move (found_);
  const std::string text = all.empty () ? error_ : "";
  done_ (all, text);
}
} // namespace reach::turn
