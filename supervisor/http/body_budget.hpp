// How much memory bodies may take together: each user gets at most half of what the others leave, so that however many
// are greedy, there is room for one more. Pure.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace cordon {

// Bodies up to this size are not counted: there are no more of them than connections, and they are always taken.
inline constexpr std::size_t small_body = std::size_t{64} * 1024;

class BodyBudget {
 private:
  struct Books;

 public:
  explicit BodyBudget(std::size_t total) : books_(std::make_shared<Books>()) { books_->total = total; }

  std::size_t total() const { return books_->total; }

  class Share {
   public:
    ~Share() { set(0); }
    Share(const Share&) = delete;
    Share& operator=(const Share&) = delete;

    // There are so many bytes by now. False: they must not become so many.
    [[nodiscard]] bool grow_to(std::size_t bytes) {
      const auto wanted = bytes <= small_body ? 0 : bytes;
      if (wanted <= bytes_) return true;
      const auto at = books_->by_uid.find(uid_);
      const auto own = at == books_->by_uid.end() ? 0 : at->second;
      const auto left_by_others = books_->total - (books_->taken - own);
      const bool fits = own - bytes_ + wanted <= left_by_others / 2;
      if (fits) set(wanted);
      return fits;
    }

   private:
    friend class BodyBudget;
    Share(std::shared_ptr<Books> books, std::uint32_t uid) : books_(std::move(books)), uid_(uid) {}

    void set(std::size_t bytes) {
      auto& own = books_->by_uid[uid_];
      own = own - bytes_ + bytes;
      books_->taken = books_->taken - bytes_ + bytes;
      bytes_ = bytes;
      if (own == 0) books_->by_uid.erase(uid_);
    }

    std::shared_ptr<Books> books_;
    std::uint32_t uid_;
    std::size_t bytes_ = 0;
  };
  using SharePtr = std::shared_ptr<Share>;  // given back when dropped

  SharePtr share_of(std::uint32_t uid) const { return SharePtr(new Share(books_, uid)); }

 private:
  struct Books {
    std::size_t total = 0, taken = 0;
    std::map<std::uint32_t, std::size_t> by_uid;
  };
  std::shared_ptr<Books> books_;
};

}  // namespace cordon
