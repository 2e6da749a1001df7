#include "tests/unit/exposition_reader.hpp"

#include <cmath>
#include <regex>
#include <set>
#include <sstream>

namespace cordon::test {
namespace {

using Families = std::map<std::string, MetricFamily>;

void require(bool condition, const std::string& what, const std::string& line) {
  if (!condition) throw std::runtime_error(what + ": " + line);
}

struct Sample {
  std::string name, labels, le;
  double value = 0;
};

Sample parse_sample(const std::string& line) {
  static const std::regex form(R"re(([a-zA-Z_:][a-zA-Z0-9_:]*)(\{(.*)\})? (\S+))re");
  static const std::regex label(R"re(^([a-zA-Z_][a-zA-Z0-9_]*)="((?:[^"\\\n]|\\["\\n])*)"(,|$))re");
  std::smatch whole;
  require(std::regex_match(line, whole, form), "no sample", line);
  Sample sample{whole[1], "", "", std::stod(whole[4])};
  auto rest = whole[3].str();
  require(!whole[2].matched || !rest.empty(), "empty labels", line);
  std::set<std::string> names;
  for (std::smatch one; !rest.empty(); rest = one.suffix()) {
    require(std::regex_search(rest, one, label), "bad label", line);
    require(names.insert(one[1]).second, "a label twice", line);
    if (one[1] == "le") {
      sample.le = one[2];
    } else {
      sample.labels += one[1].str() + "=" + one[2].str() + ";";
    }
  }
  return sample;
}

// What promtool looks for in a histogram.
class Buckets {
 public:
  void add(const Sample& sample, const std::string& line) {
    auto& at = all_[sample.labels];
    if (sample.name.ends_with("_bucket")) {
      const double bound = sample.le == "+Inf" ? INFINITY : std::stod(sample.le);
      require(at.counts == 0 || (bound > at.bound && sample.value >= at.below), "buckets do not grow", line);
      at.bound = bound;
      at.below = sample.value;
      ++at.counts;
    } else if (sample.name.ends_with("_count")) {
      require(at.bound == INFINITY && sample.value == at.below, "the count is not that of +Inf", line);
      at.has_count = true;
    } else {
      at.has_sum = true;
    }
  }
  void check_whole(const std::string& name) const {
    for (const auto& [labels, at] : all_)
      require(at.has_count && at.has_sum && at.counts > 1, "not whole", name + labels);
  }

 private:
  struct One {
    int counts = 0;
    double bound = 0, below = 0;
    bool has_count = false, has_sum = false;
  };
  std::map<std::string, One> all_;
};

bool belongs(const Sample& sample, const std::string& family, const std::string& type) {
  if (type != "histogram") return sample.name == family && sample.le.empty();
  if (sample.name == family + "_bucket") return !sample.le.empty();
  return (sample.name == family + "_sum" || sample.name == family + "_count") && sample.le.empty();
}

void read_comment(const std::string& line, Families& families, std::string& current) {
  std::istringstream words(line);
  std::string hash, what, name, rest;
  words >> hash >> what >> name;
  std::getline(words, rest);
  require(!rest.empty(), "nothing behind the name", line);
  if (what == "HELP") {
    require(families.emplace(name, MetricFamily{"", rest.substr(1), {}}).second, "a family twice", line);
    current = name;
  } else {
    require(what == "TYPE" && name == current && families[name].type.empty(), "TYPE does not follow HELP", line);
    families[name].type = rest.substr(1);
    require(rest == " counter" || rest == " gauge" || rest == " histogram", "unknown type", line);
    require((rest == " counter") == name.ends_with("_total"), "only counters end with _total", line);
  }
}

}  // namespace

Families read_exposition(const std::string& text) {
  require(text.ends_with('\n'), "the last line does not end", text.substr(text.size() > 80 ? text.size() - 80 : 0));
  Families families;
  std::map<std::string, Buckets> buckets;
  std::string current;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (line.starts_with('#')) {
      read_comment(line, families, current);
      continue;
    }
    const auto sample = parse_sample(line);
    auto& family = families[current];
    require(belongs(sample, current, family.type), "does not belong to " + current, line);
    require(std::isfinite(sample.value) && sample.value >= 0, "no figure", line);
    require(family.samples.emplace(line.substr(0, line.rfind(' ')), sample.value).second, "a sample twice", line);
    if (family.type == "histogram") buckets[current].add(sample, line);
  }
  for (const auto& [name, of_family] : buckets) of_family.check_whole(name);
  return families;
}

}  // namespace cordon::test
