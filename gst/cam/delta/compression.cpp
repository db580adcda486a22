// SPDX-License-Identifier: LGPL-2.1-or-later
#include "compression.h"

namespace reach::delta {
namespace {
struct Converted {
  std::size_t read = 0, written = 0;
  bool finished = false; // the stream's end was read or written
};

// Everything in `in` at once. Ends early when `out` is full or the input is no zlib stream.
Converted convert (GConverter *converter, Bytes in, std::span<std::uint8_t> out)
{
  Converted c;
  g_converter_reset (converter);
  while (!c.finished && c.written < out.size ()) {
    gsize read = 0, written = 0;
    GError *error = nullptr;
    const GConverterResult r = g_converter_convert (converter, in.data () + c.read,
        in.size () - c.read, out.data () + c.written, out.size () - c.written,
        G_CONVERTER_INPUT_AT_END, &read, &written, &error);
    const ErrorPtr owned (error);
    if (r == G_CONVERTER_ERROR || (read == 0 && written == 0 && r != G_CONVERTER_FINISHED))
      break;
    c.read += read;
    c.written += written;
    c.finished = r == G_CONVERTER_FINISHED;
  }
  return c;
}
} // namespace

ZlibDeflater::ZlibDeflater (int level)
    : converter_ (Ref<GConverter>::adopt (
          G_CONVERTER (g_zlib_compressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB, level))))
{
}

std::optional<std::size_t> ZlibDeflater::deflate (Bytes in, std::span<std::uint8_t> out)
{
  const Converted c = convert (converter_.get (), in, out);
  return c.finished ? std::optional (c.written) : std::nullopt;
}

ZlibInflater::ZlibInflater ()
    : converter_ (Ref<GConverter>::adopt (
          G_CONVERTER (g_zlib_decompressor_new (G_ZLIB_COMPRESSOR_FORMAT_ZLIB))))
{
}

// One byte more than expected is room for, so that a stream that is too long does not look like one
// that ends here: zlib writes all bytes before it reads the checksum behind them.
bool ZlibInflater::inflate (Bytes in, std::span<std::uint8_t> out)
{
  Converted c = convert (converter_.get (), in, out);
  if (c.written != out.size ())
    return false;
  if (!c.finished) { // the checksum is still to be read
    std::uint8_t beyond;
    gsize read = 0, written = 0;
    GError *error = nullptr;
    const GConverterResult r = g_converter_convert (converter_.get (), in.data () + c.read,
        in.size () - c.read, &beyond, 1, G_CONVERTER_INPUT_AT_END, &read, &written, &error);
    const ErrorPtr owned (error);
    c.finished = r == G_CONVERTER_FINISHED && written == 0;
    c.read += read;
  }
  return c.finished && c.read == in.size ();
}
} // namespace reach::delta
