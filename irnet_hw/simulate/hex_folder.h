// Where $readmemh finds its files: in a folder set for each thread. The current folder belongs to
// the whole process, and other threads may be using it.

#pragma once

#include <exception>
#include <string>

class HexFolder {
  public:
    // A relative path is relative to the folder set before.
    explicit HexFolder(const std::string& folder);
    ~HexFolder();
    HexFolder(const HexFolder&) = delete;
    HexFolder& operator=(const HexFolder&) = delete;

  private:
    const std::string before_;
};

// Why the thread's last simulation did not start.
extern thread_local std::string failure;

// Return what a function makes while hex files are read from a folder, or nullptr if it fails.
// Without this, a hex file that is missing or does not fit would leave noise in its memory, or end
// the process.
template <class Function>
auto started(const char* folder, Function make) -> decltype(make()) {
    try {
        const HexFolder files{folder};
        return make();
    } catch (const std::exception& error) {
        failure = error.what();
        return nullptr;
    }
}
