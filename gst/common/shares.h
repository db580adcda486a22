// SPDX-License-Identifier: LGPL-2.1-or-later
// What peers hold before they are let in, by network: one of them cannot have it all. One thread.
#pragma once
#include <memory>
#include <string>
#include <unordered_map>
#include <utility>

namespace reach {
class Shares {
  using Counts = std::unordered_map<std::string, std::size_t>;

public:
  // Gives back what was taken when it goes; it may outlive the Shares.
  class Place {
  public:
    Place () = default;
    Place (std::shared_ptr<Counts> counts, std::string network)
        : counts_ (std::move (counts)), network_ (std::move (network))
    {
    }
    Place (Place &&) noexcept = default;
    Place &operator= (Place &&o) noexcept
    {
      give ();
      counts_ = std::move (o.counts_);
      network_ = std::move (o.network_);
      return *this;
    }
    ~Place () { give (); }
    explicit operator bool () const { return static_cast<bool> (counts_); }

  private:
    void give ()
    {
      if (!counts_)
        return;
      const auto it = counts_->find (network_);
      if (--it->second == 0)
        counts_->erase (it);
      counts_.reset ();
    }
    std::shared_ptr<Counts> counts_;
    std::string network_;
  };

  // Of `places` in all, one network gets a quarter.
  explicit Shares (std::size_t places) : limit_ (places / 4 > least ? places / 4 : least) {}
  // False in the result: this network has its share. network: network_of ().
  Place take (const std::string &network)
  {
    std::size_t &n = (*counts_)[network];
    if (n >= limit_)
      return {};
    n++;
    return {counts_, network};
  }

private:
  static constexpr std::size_t least = 8;
  const std::size_t limit_;
  std::shared_ptr<Counts> counts_ = std::make_shared<Counts> (); // none is 0
};
} // namespace reach
