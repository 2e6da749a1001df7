// Everything of an instance is killed at random moments, again and again, while clients that do not give up submit
// jobs.
#pragma once

namespace cordon::test {

// Each job has a key; it says its name and exits with a code of its own. Asserts for every job that it ended, as what
// it was or as lost; that no key ran twice, by the kernel's own accounts; and that nothing of them all is left.
void storm(unsigned jobs);

}  // namespace cordon::test
