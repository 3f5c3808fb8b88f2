#include "hex_folder.h"

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <stdexcept>

#include "verilated.h"

namespace {
thread_local std::string current;
}

thread_local std::string failure;

extern "C" const char* why_not_started() { return failure.c_str(); }

// Verilator calls these because the code is compiled with VL_USER_FATAL and VL_USER_WARN.
void vl_fatal(const char* file, int line, const char*, const char* message) {
    throw std::runtime_error(std::string{file} + ":" + std::to_string(line) + ": " + message);
}
void vl_warn(const char* file, int line, const char* scope, const char* message) {
    vl_fatal(file, line, scope, message);
}

HexFolder::HexFolder(const std::string& folder) : before_{current} {
    current = folder.front() == '/' ? folder : current + "/" + folder;
}

HexFolder::~HexFolder() { current = before_; }

// The library is linked with --wrap=fopen, so this replaces Verilator's fopen. A simulation may
// read hex files and nothing else, and may not write files.
extern "C" FILE* __real_fopen(const char* name, const char* mode);
extern "C" FILE* __wrap_fopen(const char* name, const char* mode) {
    if (current.empty() || std::strchr(name, '/') || std::strcmp(mode, "r") != 0) {
        errno = EACCES;
        return nullptr;
    }
    return __real_fopen((current + "/" + name).c_str(), mode);
}
