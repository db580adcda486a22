// SPDX-License-Identifier: LGPL-2.1-or-later
// libnice as an application uses it: an agent that may only use its relay, connected to another one
// of this process, which has only its host's address.
#pragma once
#include <cstdint>
#include <memory>
#include <string>

struct _GstElement;

namespace reach::bench {
class NicePair {
public:
  // Null and `error`: they do not connect, or there is no nicesink here.
  static std::unique_ptr<NicePair> connect (std::uint16_t server_port, std::string &error);
  virtual ~NicePair () = default;
  virtual _GstElement *make_sink () = 0; // sends through the relay; floating
  // The other agent does not read any more: what comes is lost in its socket.
  virtual void deafen () = 0;
};
} // namespace reach::bench
