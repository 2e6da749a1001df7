// The payload (sandbox/payload.hpp) for code without a C++ run-time: views into the mapped bytes and nothing copied.
// Accepts exactly what decode_payload accepts. Pure.
#pragma once

#include <cstdint>
#include <cstdlib>
#include <span>
#include <string_view>

#include "profiles/codec.hpp"

namespace cordon::prestart {

// A fixed number of values, zeroed, from malloc(3): there is no operator new to link with.
template <typename T>
class Array {
 public:
  Array() = default;
  explicit Array(std::size_t size) : data_(static_cast<T*>(std::calloc(size + 1, sizeof(T)))), size_(size) {}
  Array(const Array&) = delete;
  Array& operator=(const Array&) = delete;
  Array(Array&& other) noexcept { swap(other); }
  Array& operator=(Array&& other) noexcept {
    swap(other);
    return *this;
  }
  ~Array() { std::free(data_); }

  bool allocated() const { return data_ != nullptr; }
  std::span<T> items() const { return {data_, size_}; }
  T* data() const { return data_; }

 private:
  void swap(Array& other) {
    T* const data = data_;
    const auto size = size_;
    data_ = other.data_, size_ = other.size_;
    other.data_ = data, other.size_ = size;
  }
  T* data_ = nullptr;
  std::size_t size_ = 0;
};

struct FileView {
  std::string_view path, content;
  std::uint32_t mode = 0;
};

struct PayloadView {
  Array<std::string_view> argv, env;
  std::string_view cwd;
  Array<FileView> files;
};

// False when malformed, or when there is no memory for it.
bool decode(std::string_view bytes, PayloadView& payload);

}  // namespace cordon::prestart
