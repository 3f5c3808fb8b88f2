// A layer that is compiled apart from the accelerator and shared by all layers with equal
// parameters (shared_layers.py). In the accelerator's own simulation a module that calls this one
// takes its place.

#pragma once

#include <cstdint>
#include <cstring>

#include "hex_folder.h"
#include "svdpi.h"
#include "verilated.h"

template <class Model>
class Apart {
  public:
    // folder: where this layer's hex files are, under the names that the shared module uses. They
    // are read in the first evaluation.
    explicit Apart(const char* folder) : model{Verilated::threadContextp(), folder} {
        const HexFolder files{folder};
        model.eval();
    }

    // A clock edge; the inputs have settled.
    void tick() {
        model.ap_clk = 1;
        model.eval();
        model.ap_clk = 0;
        stale_ = true;
    }

    void put(uint8_t& port, svBit value) {
        if (port == value) return;
        port = value;
        stale_ = true;
    }

    // Ports of whole bytes have the same layout as the interface's vectors: lowest byte first.
    template <class Port>
    void put(Port& port, const svBitVecVal* value, size_t bytes) {
        if (std::memcmp(&port, value, bytes) == 0) return;
        std::memcpy(&port, value, bytes);
        stale_ = true;
    }

    template <class Port>
    static void get(svBitVecVal* value, const Port& port, size_t bytes) {
        value[(bytes - 1) / sizeof *value] = 0;
        std::memcpy(value, &port, bytes);
    }

    static void get(svBit* value, uint8_t port) { *value = port; }

    // Bring the outputs up to date; return how often that was needed.
    uint32_t settle() {
        if (stale_) {
            model.eval();
            stale_ = false;
            ++settled_;
        }
        return settled_;
    }

    Model model;

  private:
    bool stale_ = true;
    uint32_t settled_ = 0;
};
