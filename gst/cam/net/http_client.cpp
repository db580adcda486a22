// SPDX-License-Identifier: LGPL-2.1-or-later
#include "http_client.h"
#ifdef HAVE_SOUP
#include "http_client_pull.h"
#include "http_client_push.h"
#endif

namespace reach::cam {
#ifdef HAVE_SOUP
const char *http_clients_missing ()
{
  return nullptr;
}

std::unique_ptr<Transport> make_http_pull (
    Loop &loop, StorageSource &storage, HttpClientConfig config)
{
  return std::make_unique<HttpPullTransport> (loop, storage, std::move (config));
}

std::unique_ptr<Transport> make_http_push (
    Loop &loop, StorageSource &storage, HttpClientConfig config)
{
  return std::make_unique<HttpPushTransport> (loop, storage, std::move (config));
}
#else
const char *http_clients_missing ()
{
  return "HTTP clients are not in this build: it was made without libsoup 3";
}

std::unique_ptr<Transport> make_http_pull (Loop &, StorageSource &, HttpClientConfig)
{
  return nullptr;
}
std::unique_ptr<Transport> make_http_push (Loop &, StorageSource &, HttpClientConfig)
{
  return nullptr;
}
#endif
} // namespace reach::cam
