// SPDX-License-Identifier: LGPL-2.1-or-later
#include "layer_shares.h"
#include <algorithm>

namespace reach::rtc {
namespace {
std::uint64_t least (const Layer &l)
{
  const std::uint64_t worth = std::max<std::uint64_t> (30000, std::uint64_t{l.pixels} * 6 / 10);
  return l.sent ? worth : worth * 6 / 5;
}

unsigned part (unsigned bitrate, std::uint64_t of, std::uint64_t all)
{
  return static_cast<unsigned> (all > 0 ? bitrate * of / all : 0);
}
} // namespace

std::vector<LayerShare> share_bitrate (std::span<const Layer> layers, unsigned bitrate)
{
  std::vector<LayerShare> shares (layers.size ());
  if (std::ranges::any_of (layers, [] (const Layer &l) { return l.pixels == 0; })) {
    for (LayerShare &s : shares)
      s.bitrate = part (bitrate, 1, layers.size ());
    return shares;
  }
  std::uint64_t pixels = 0;
  for (const Layer &l : layers)
    pixels += l.pixels;
  for (std::size_t left = layers.size (); left > 1; left--) {
    std::size_t largest = layers.size ();
    for (std::size_t i = 0; i < layers.size (); i++)
      if (shares[i].sent &&
          (largest == layers.size () || layers[i].pixels > layers[largest].pixels))
        largest = i;
    const Layer &l = layers[largest];
    if (part (bitrate, l.pixels, pixels) >= least (l))
      break;
    shares[largest].sent = false;
    pixels -= l.pixels;
  }
  for (std::size_t i = 0; i < layers.size (); i++)
    if (shares[i].sent)
      shares[i].bitrate = part (bitrate, layers[i].pixels, pixels);
  return shares;
}
} // namespace reach::rtc
