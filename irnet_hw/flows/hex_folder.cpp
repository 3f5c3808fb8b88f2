#include "hex_folder.h"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace {
thread_local std::string current;
}

HexFolder::HexFolder(const std::string& folder) : before_{current} {
    current = folder.front() == '/' ? folder : current + "/" + folder;
}

HexFolder::~HexFolder() { current = before_; }

// The library is linked with --wrap=fopen, so that Verilator's fopen is this one. A simulation
// reads hex files and nothing else, and writes none.
extern "C" FILE* __real_fopen(const char* name, const char* mode);
extern "C" FILE* __wrap_fopen(const char* name, const char* mode) {
    if (current.empty() || std::strchr(name, '/') || std::strcmp(mode, "r") != 0) {
        errno = EACCES;
        return nullptr;
    }
    return __real_fopen((current + "/" + name).c_str(), mode);
}
