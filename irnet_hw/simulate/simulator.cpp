// Streams whole images through a verilated accelerator, at full rate or irregularly. Built as
// a shared library and driven from Python (simulator.py), which owns all memory used here.
//
// A cycle: inputs are set and settle while the clock is low, everything is observed, then the
// clock rises. A beat is stored as the bytes of TDATA, least significant first, which on
// a little-endian machine is how Verilator stores a port of any width.

#include <cstdint>
#include <cstring>
#include <vector>

#include "Vaccelerator.h"
#include "hex_folder.h"
#include "taps.h"  // TAPS(X): X(1) X(2) ..., one for each stream but the input
#include "verilated.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// One AXI4-Stream of the design: index 0 is the input, 1 the output, 1 + i stream i, for i >= 1.
// Python's _STREAM has the same fields.
struct Stream {
    uint8_t* data;    // beats to send, or room for those received
    uint64_t bytes;   // per beat
    uint64_t room;    // beats in data; later ones are only counted
    uint64_t frame;   // beats per image
    uint64_t images;  // in this pass
    uint64_t* ends;   // cycle of each image's last beat
    uint64_t moved;   // beats so far
    uint64_t first;   // cycle of the first beat
    uint64_t last;    // cycle of the latest beat
    uint64_t waited;  // cycles in which a beat was offered and not taken
    uint64_t valid;   // when the design hangs: a beat is offered
    uint64_t ready;   // when the design hangs: a beat would be taken
};

// Nothing may depend on what flip-flops and memories hold before the reset: they hold noise.
struct Context : VerilatedContext {
    explicit Context(uint64_t seed) {
        randReset(2);
        randSeed(static_cast<int>(seed % 0x7fffffff) + 1);
    }
};

enum Status : int { going = 0, reached = 1, hangs = 2, unstable = 3 };

class Sim {
  public:
    explicit Sim(uint64_t seed) : context_{seed}, random_{seed * 2654435761u + 1} {
        top_.ap_rst_n = 0;
        top_.in0_V_TVALID = 0;
        top_.out0_V_TREADY = 0;
        for (int i = 0; i < 8; ++i) tick();
        top_.ap_rst_n = 1;
    }

    ~Sim() { top_.final(); }

    // phase: the odds of gaps and stalls change at least once in this many cycles; 0 for full rate.
    // patience: the design hangs after this many cycles without a beat anywhere; more than phase.
    void start(Stream* streams, uint64_t phase, uint64_t patience) {
        streams_ = streams;
        phase_ = phase;
        patience_ = patience;
        held_.resize(streams[1].bytes);
    }

    // Go on until the output has moved `until` beats, for at most `cycles` cycles.
    Status advance(uint64_t cycles, uint64_t until) {
        Stream& in = streams_[0];
        Stream& out = streams_[1];
        for (; cycles > 0; --cycles) {
            if (out.moved >= until) return reached;
            if (idle_ > patience_) {
                look();
                return hangs;
            }
            if (phase_ && cycle_ >= change_) {
                change_ = cycle_ + 1 + next() % phase_;
                gap_ = other(gap_);
                stall_ = other(stall_);
            }
            if (!offering_ && in.moved < in.room && !happens(gap_)) {
                std::memcpy(&top_.in0_V_TDATA, in.data + in.moved * in.bytes, in.bytes);
                offering_ = true;
            }
            top_.in0_V_TVALID = offering_;
            top_.out0_V_TREADY = !happens(stall_);
            top_.ap_clk = 0;
            top_.eval();
            if (withdrawn()) return unstable;
            ++idle_;
            if (offering_ && top_.in0_V_TREADY) {
                offering_ = false;
                count(in);
            } else if (offering_) {
                ++in.waited;
            }
            if (top_.out0_V_TVALID && top_.out0_V_TREADY) record(out, &top_.out0_V_TDATA);
#define TAP(i)                                                                       \
    if (top_.tap##i##_valid && top_.tap##i##_ready)                                  \
        record(streams_[1 + i], &top_.tap##i##_data);                                \
    else                                                                             \
        streams_[1 + i].waited += top_.tap##i##_valid;
            TAPS(TAP)
#undef TAP
            top_.ap_clk = 1;
            top_.eval();
            ++cycle_;
        }
        return out.moved >= until ? reached : going;
    }

    uint64_t cycle() const { return cycle_; }

  private:
    // Odds out of 256 that the producer or the consumer pauses, from never to always; never
    // "always" twice in a row.
    static constexpr uint64_t odds[5] = {0, 64, 192, 252, 256};

    uint64_t other(uint64_t before) { return odds[next() % (before == 256 ? 4 : 5)]; }

    void tick() {
        top_.ap_clk = 0;
        top_.eval();
        top_.ap_clk = 1;
        top_.eval();
    }

    void count(Stream& stream) {
        if (stream.moved++ == 0) stream.first = cycle_;
        stream.last = cycle_;
        idle_ = 0;
        const uint64_t image = stream.moved / stream.frame;
        if (stream.moved % stream.frame == 0 && image <= stream.images)
            stream.ends[image - 1] = cycle_;
    }

    void record(Stream& stream, const void* beat) {
        if (stream.moved < stream.room)
            std::memcpy(stream.data + stream.moved * stream.bytes, beat, stream.bytes);
        count(stream);
    }

    // Record which streams offer a beat, and which would take one, while the input is offered and
    // the output is ready.
    void look() {
        top_.in0_V_TVALID = streams_[0].moved < streams_[0].room;
        top_.out0_V_TREADY = 1;
        top_.eval();
        streams_[0].valid = top_.in0_V_TVALID;
        streams_[0].ready = top_.in0_V_TREADY;
#define LOOK(i)                                 \
    streams_[1 + i].valid = top_.tap##i##_valid; \
    streams_[1 + i].ready = top_.tap##i##_ready;
        TAPS(LOOK)
#undef LOOK
    }

    // AXI4-Stream: a beat that is offered stays unchanged until it is taken.
    bool withdrawn() {
        const size_t bytes = held_.size();
        if (holding_ && (!top_.out0_V_TVALID ||
                         std::memcmp(held_.data(), &top_.out0_V_TDATA, bytes) != 0))
            return true;
        holding_ = top_.out0_V_TVALID && !top_.out0_V_TREADY;
        if (holding_) std::memcpy(held_.data(), &top_.out0_V_TDATA, bytes);
        return false;
    }

    uint64_t next() {  // xorshift64*
        random_ ^= random_ >> 12;
        random_ ^= random_ << 25;
        random_ ^= random_ >> 27;
        return (random_ * 2685821657736338717u) >> 32;
    }

    bool happens(uint64_t odds_of_256) {
        return odds_of_256 && (next() & 255) < odds_of_256;
    }

    Context context_;
    Vaccelerator top_{&context_};
    Stream* streams_ = nullptr;
    std::vector<uint8_t> held_;
    uint64_t random_;
    uint64_t phase_ = 0, patience_ = 0, gap_ = 0, stall_ = 0;
    uint64_t cycle_ = 0, change_ = 0, idle_ = 0;
    bool offering_ = false, holding_ = false;
};

extern "C" {
// folder: where the hex files are; they are read now. Return nullptr if it can't start.
Sim* sim_new(uint64_t seed, const char* folder) {
    return started(folder, [&] { return new Sim(seed); });
}
void sim_delete(Sim* sim) { delete sim; }
void sim_start(Sim* sim, Stream* streams, uint64_t phase, uint64_t patience) {
    sim->start(streams, phase, patience);
}
int sim_advance(Sim* sim, uint64_t cycles, uint64_t until) { return sim->advance(cycles, until); }
uint64_t sim_cycle(const Sim* sim) { return sim->cycle(); }
}
