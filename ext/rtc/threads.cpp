// SPDX-License-Identifier: LGPL-2.1-or-later
#include "threads.h"
#include <algorithm>

namespace reach::rtc {
namespace {
constexpr unsigned most_loops = 4;
constexpr std::size_t most_events = 100000; // of all peers
} // namespace

PeerThreads::PeerThreads ()
    : events_ ("rtc-events", most_events), signals_ (std::make_shared<SignalQueue> (events_))
{
  const unsigned n = std::clamp (std::thread::hardware_concurrency (), 1u, most_loops);
  for (unsigned i = 0; i < n; i++)
    loops_.push_back (std::make_unique<Loop> (("rtc-loop-" + std::to_string (i)).c_str ()));
}

PeerThreads::~PeerThreads ()
{
  signals_->close ();
}

std::shared_ptr<PeerThreads> PeerThreads::get ()
{
  static Guarded<std::weak_ptr<PeerThreads>> all;
  auto w = all.lock ();
  auto threads = w->lock ();
  if (!threads)
    *w = threads = std::shared_ptr<PeerThreads> (new PeerThreads);
  return threads;
}

Loop &PeerThreads::loop ()
{
  return *loops_[next_++ % loops_.size ()];
}

std::shared_ptr<const DtlsContext> PeerThreads::dtls (std::string &error)
{
  auto context = dtls_.lock ();
  if (*context)
    return *context;
  auto certificate = Certificate::make (Certificate::Key::ecdsa_p256, error);
  if (certificate)
    *context = DtlsContext::make (std::move (certificate), {}, error);
  return *context;
}
} // namespace reach::rtc
