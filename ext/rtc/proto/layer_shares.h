// SPDX-License-Identifier: LGPL-2.1-or-later
// What each layer of a simulcast track may have of the track's bitrate: as many bits as it has of
// the pixels. A layer that would get less than it is worth, 0.6 bit/s a pixel or 30 kbit/s, is left
// out, the largest first; the smallest never is. To come back it has to be worth a fifth more.
#pragma once
#include <cstdint>
#include <span>
#include <vector>

namespace reach::rtc {
struct Layer {
  std::uint32_t pixels =
      0;            // of a picture; 0: not known, then all get the same and none is left out
  bool sent = true; // was not left out before
};
struct LayerShare {
  unsigned bitrate = 0; // bit/s
  bool sent = true;
};
// As many as there are layers; of equal ones the first is taken for the best.
std::vector<LayerShare> share_bitrate (std::span<const Layer> layers, unsigned bitrate);
} // namespace reach::rtc
