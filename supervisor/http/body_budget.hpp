// How much memory request bodies may take together, and how much of that one uid: many large bodies at once must not
// starve anybody else.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>

namespace cordon {

class BodyBudget {
 public:
  explicit BodyBudget(std::size_t total) : books_(std::make_shared<Books>()) { books_->total = total; }

  std::size_t total() const { return books_->total; }

  using Share = std::shared_ptr<void>;  // given back when dropped; empty: refused
  Share take(std::uint32_t uid, std::size_t bytes) {
    auto& books = *books_;
    if (books.taken + bytes > books.total || books.by_uid[uid] + bytes > books.total / 2) return nullptr;
    books.taken += bytes;
    books.by_uid[uid] += bytes;
    return Share(books_.get(), [books = books_, uid, bytes](void*) {
      books->taken -= bytes;
      if ((books->by_uid[uid] -= bytes) == 0) books->by_uid.erase(uid);
    });
  }

 private:
  struct Books {
    std::size_t total = 0, taken = 0;
    std::map<std::uint32_t, std::size_t> by_uid;
  };
  std::shared_ptr<Books> books_;
};

}  // namespace cordon
