#include "supervisor/metrics/exposition.hpp"

#include <fmt/format.h>

namespace cordon {
namespace {

void append_escaped(std::string& out, std::string_view value) {
  for (const char c : value) {
    if (c == '\n') {
      out += "\\n";
    } else {
      if (c == '\\' || c == '"') out += '\\';
      out += c;
    }
  }
}

void append_label(std::string& out, std::string_view name, std::string_view value) {
  out += out.back() == '{' ? "" : ",";
  out.append(name).append("=\"");
  append_escaped(out, value);
  out += '"';
}

}  // namespace

void Exposition::family(std::string_view name, std::string_view type, std::string_view help) {
  name_ = name;
  text_ += fmt::format("# HELP {0} {1}\n# TYPE {0} {2}\n", name, help, type);
}

void Exposition::sample(Labels labels, double value) {
  line("", labels, "", fmt::format("{}", value));
}

void Exposition::sample(Labels labels, std::uint64_t value) {
  line("", labels, "", fmt::format("{}", value));
}

void Exposition::histogram(Labels labels, const Histogram& histogram) {
  std::uint64_t below = 0;
  for (std::size_t i = 0; i < Histogram::bounds.size(); ++i) {
    below += histogram.counts()[i];
    line("_bucket", labels, fmt::format("{}", Histogram::bounds[i]), fmt::format("{}", below));
  }
  const auto all = fmt::format("{}", below + histogram.counts().back());
  line("_bucket", labels, "+Inf", all);
  line("_sum", labels, "", fmt::format("{}", histogram.sum()));
  line("_count", labels, "", all);
}

void Exposition::line(std::string_view suffix, Labels labels, std::string_view le, std::string_view value) {
  text_.append(name_).append(suffix);
  if (labels.size() > 0 || !le.empty()) {
    text_ += '{';
    for (const auto& [name, text] : labels) append_label(text_, name, text);
    if (!le.empty()) append_label(text_, "le", le);
    text_ += '}';
  }
  text_.append(" ").append(value).append("\n");
}

}  // namespace cordon
