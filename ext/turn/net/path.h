// SPDX-License-Identifier: LGPL-2.1-or-later
// One connection to the server: a UDP socket, a TCP connection, and either with TLS. On a loop; the
// owner hears of it when it can be used, that is after the peer's certificate was checked.
#pragma once
#include "common/address.h"
#include "common/loop.h"
#include "common/proto/slice.h"
#include "common/tls.h"
#include "turn/proto/client.h"

namespace reach::turn {
class Path {
public:
  struct Fault {
    int error = 0; // errno; 0: the server ended the stream
    TlsFault tls = TlsFault::none;
    std::string text; // for people
  };
  class Owner {
  public:
    virtual ~Owner () = default;
    virtual void on_path_open () = 0;
    virtual void on_path_input (Bytes in) = 0;        // a datagram, or a piece of a stream
    virtual void on_path_input_done () = 0;           // of all that had come
    virtual void on_path_writable () = 0;             // after congested ()
    virtual void on_path_doubt (int error) = 0;       // the network says that nobody is there
    virtual void on_path_closed (const Fault &f) = 0; // the last call
  };

  // Never calls the owner from within. `tls` and the server's name are for TLS and DTLS. Null and
  // `error` when there is no such path at all.
  static std::unique_ptr<Path> open (Loop &loop, Owner &owner, Transport transport,
      const reach::Address &to, const TlsContext *tls, const std::string &name, std::string &error);
  virtual ~Path () = default; // not from within the owner's callback: retire () it then
  Path (const Path &) = delete;
  Path &operator= (const Path &) = delete;

  virtual void send (Bytes datagram) = 0;
  // Whole frames of a stream, one after the other.
  virtual void send_frames (Slice frames) {}
  virtual bool congested () { return false; }
  virtual void set_reading (bool on) {}
  virtual void finish () {} // sends what is queued, then its end; on_path_closed follows
  // Of plain UDP, for senders on other threads: a descriptor of their own. -1: there is none.
  virtual int duplicate () const { return -1; }
  virtual reach::Address local () const = 0; // our end; of no family: there is none any more
  // The owner hears no more.
  void retire () { owner_ = nullptr; }

protected:
  explicit Path (Owner &owner) : owner_ (&owner) {}
  Owner *owner_;
};

std::unique_ptr<Path> open_dtls_path (
    Loop &loop, Path::Owner &owner, int fd, std::unique_ptr<TlsSession> session);
} // namespace reach::turn
