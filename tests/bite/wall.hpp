// Shows of one probe that it bites: what it tries is refused by Cordon as shipped, is refused by each single rule that
// is said to refuse it when all the others are left out, and succeeds when the rule is left out too.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "tests/bite/steps.hpp"
#include "tests/promises/image_tree.hpp"
#include "tests/promises/instance.hpp"

namespace cordon::bite {

using Steps = std::vector<Step>;
using test::Json;

// An instance of the test-only programs (leave_out_launcher.cpp).
class LeavingOut {
 public:
  explicit LeavingOut(const Json& config, const Steps& from_the_start = {});

  void leave_out(const Steps& steps) const;  // of the jobs from now on, and of nothing else
  const test::Instance& cordon() const { return *cordon_; }
  test::Instance& cordon() { return *cordon_; }

 private:
  class File {
   public:
    File();
    ~File();
    File(const File&) = delete;
    File& operator=(const File&) = delete;
    std::string path;
  };

  File file_;
  std::optional<test::Instance> cordon_;
};

// An image with tests/probes/walls.c, readable files and devices for it, and the directories of a root.
class Ground {
 public:
  Ground();
  Json config() const;
  const test::ImageTree& image() const { return image_; }

 private:
  test::ImageTree image_;
};

// A job that runs it: `program` below /bin of the image, with the name of the wall and an argument.
Json over(const std::string& wall, const std::string& argument = "", const std::string& program = "walls");

// "held", "GOT THROUGH", or, of one that said neither, how it ended.
std::string verdict(const Json& job);

struct Wall {
  Steps steps;                // each of which alone is enough
  Json probe;                 // an ordinary job
  Steps also = {};            // left out with them, for they would notice, or cannot be there without them
  int landlock_abi = 1;       // that is needed for Landlock to be one of the walls
  bool at_start = false;      // a step of the launcher's start is among them
  std::string held = "held";  // the verdict on whom the walls hold
};

void expect_bite(const Ground& ground, const Wall& wall);

int landlock_abi();

Steps with(Steps steps, const Steps& more);
Steps all_but(Steps steps, Step one);
extern const Steps what_notices;  // that another step is missing

}  // namespace cordon::bite
