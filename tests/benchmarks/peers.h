// SPDX-License-Identifier: LGPL-2.1-or-later
// The pipelines that are compared, by name, each with its best reasonable settings.
#pragma once
#include "load.h"

namespace reach::bench {

// Options: peer, host, port, latency, pad (ours), extra (further properties of the network
// element). The feeder is called "feed"; a receiver's counting sink "out". Ours has sometimes pads
// instead: its receiver is called "r". Empty: no such peer.
std::string sender_line (const Options &options);
std::string receiver_line (const Options &options);

// Parses the line and says on stderr why it cannot.
GstElement *make_pipeline (const std::string &line);

// Runs until EOS (true), an error (printed) or until `stop` says so, which is asked so often: each
// time costs some 50 µs.
bool run_until (GstElement *pipeline, const std::function<bool ()> &stop,
    GstClockTime every = 20 * GST_MSECOND);
} // namespace reach::bench
