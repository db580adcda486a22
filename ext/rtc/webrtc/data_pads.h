// SPDX-License-Identifier: LGPL-2.1-or-later
// Pads for DataSink and DataSource. They know no element: whoever adds them, removes them too.
#pragma once
#include "data_sink.h"
#include "data_source.h"
#include <memory>

namespace reach::rtc {
// Buffers with caps text/x-raw or application/x-text are text messages. EOS is taken and goes to
// the sink's hook; flushes wake it. Floating.
GstPad *data_sink_pad_new (GstPadTemplate *t, const char *name, std::shared_ptr<DataSink> sink);

// A live stream without latency. Floating.
GstPad *data_src_pad_new (GstPadTemplate *t, const char *name, std::shared_ptr<DataSource> source);
// Its thread, when the active pad is in its element and whoever wants to link it has.
void data_src_pad_start (GstPad *pad);

bool is_text (const GstCaps *caps);
} // namespace reach::rtc
