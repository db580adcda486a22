// SPDX-License-Identifier: LGPL-2.1-or-later
// An address of this host that ICE uses: relays of 127.0.0.1 are of no use, as neither side has
// that one among its own.
#pragma once
#include "check.h"
#include <gio/gio.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string>

namespace reach::test {
inline std::string own_address ()
{
  std::string found = "127.0.0.1";
  ifaddrs *all = nullptr;
  fail_unless (getifaddrs (&all) == 0);
  for (const ifaddrs *i = all; i; i = i->ifa_next) {
    const bool up = (i->ifa_flags & IFF_UP) != 0 && (i->ifa_flags & IFF_LOOPBACK) == 0;
    if (!up || !i->ifa_addr || i->ifa_addr->sa_family != AF_INET)
      continue;
    GSocketAddress *a = g_socket_address_new_from_native (i->ifa_addr, sizeof (sockaddr_in));
    gchar *text =
        g_inet_address_to_string (g_inet_socket_address_get_address (G_INET_SOCKET_ADDRESS (a)));
    found = text;
    g_free (text);
    g_object_unref (a);
  }
  freeifaddrs (all);
  return found;
}
} // namespace reach::test
