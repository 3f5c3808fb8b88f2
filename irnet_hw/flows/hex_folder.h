// Where $readmemh finds its files: in a folder that is the thread's own. The current folder is the
// whole process', and other threads may be using it.

#pragma once

#include <string>

class HexFolder {
  public:
    // A relative path is one in the folder so far.
    explicit HexFolder(const std::string& folder);
    ~HexFolder();
    HexFolder(const HexFolder&) = delete;
    HexFolder& operator=(const HexFolder&) = delete;

  private:
    const std::string before_;
};
