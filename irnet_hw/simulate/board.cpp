// A board around the verilated irnet_board: the memory behind its AXI4 master, and a processor's
// register accesses. Built as a shared library and driven from Python (board.py), which owns all
// memory used here and sets the memory's latencies.
//
// A cycle: inputs are set and settle while the clock is low, everything is observed, then the
// clock rises. The memory checks what it can of the protocol and keeps the first violation as text.

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <map>
#include <string>

#include "Virnet_board.h"
#include "hex_folder.h"
#include "verilated.h"

static_assert(__BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__);

// How long things take, in cycles. Python's Timing has the same fields.
struct Timing {
    uint32_t read;       // from a read's address to its first data
    uint32_t write;      // from a write's last data to its response
    uint32_t in_flight;  // outstanding reads, and outstanding writes, that the memory accepts
    uint32_t access;     // least time of a register access
};

enum Response : uint32_t { okay = 0, decerr = 3, none = 4 };

// Nothing may depend on what flip-flops and memories hold before the reset: they hold noise.
struct Context : VerilatedContext {
    Context() {
        randReset(2);
        randSeed(1);
    }
};

class Memory {
  public:
    explicit Memory(const Timing& timing) : timing_{timing} {}

    void map(uint64_t address, uint64_t bytes, uint8_t* data) { regions_[address] = {bytes, data}; }
    void unmap(uint64_t address) { regions_.erase(address); }

    // Set the master's inputs for this cycle.
    void offer(Virnet_board& top, uint64_t cycle) {
        top.m_axi_arready = reads_.size() < timing_.in_flight;
        top.m_axi_rvalid = !reads_.empty() && reads_.front().due <= cycle;
        if (top.m_axi_rvalid) {
            const Burst& burst = reads_.front();
            uint64_t word = 0xdeaddeaddeaddead;  // for addresses outside every region
            const bool there = copy(burst.address, 0xff, &word, false);
            top.m_axi_rdata = word;
            top.m_axi_rresp = there ? okay : decerr;
            top.m_axi_rlast = burst.beats == 1;
        }
        top.m_axi_awready = writes_.size() + responses_.size() < timing_.in_flight;
        top.m_axi_wready = !writes_.empty();
        top.m_axi_bvalid = !responses_.empty() && responses_.front().due <= cycle;
        if (top.m_axi_bvalid) top.m_axi_bresp = responses_.front().wrong ? decerr : okay;
    }

    // Process the transfers of this cycle.
    void observe(const Virnet_board& top, uint64_t cycle) {
        const Address read{top.m_axi_arvalid != 0, top.m_axi_arready != 0, top.m_axi_araddr, top.m_axi_arlen,
                           top.m_axi_arsize, top.m_axi_arburst};
        const Address write{top.m_axi_awvalid != 0, top.m_axi_awready != 0, top.m_axi_awaddr,
                            top.m_axi_awlen, top.m_axi_awsize, top.m_axi_awburst};
        check("AR", read, asked_, cycle);
        check("AW", write, announced_, cycle);
        check_data(top, cycle);
        if (top.m_axi_rvalid && top.m_axi_rready) {
            ++words_read;
            reads_.front().address += 8;
            if (--reads_.front().beats == 0) reads_.pop_front();
        }
        if (read.valid && read.ready)
            reads_.push_back({read.address, read.length + 1u, cycle + timing_.read, false});
        if (top.m_axi_bvalid && top.m_axi_bready) responses_.pop_front();
        if (top.m_axi_wvalid && top.m_axi_wready) take(top, cycle);
        if (write.valid && write.ready)
            writes_.push_back({write.address, write.length + 1u, 0, false});
    }

    uint64_t words_read = 0, words_written = 0;
    std::string offence;

  private:
    struct Region {
        uint64_t bytes;
        uint8_t* data;
    };
    struct Burst {
        uint64_t address;  // of the next word
        uint32_t beats;    // left to transfer
        uint64_t due;      // earliest cycle of the data or response
        bool wrong;        // an access was outside every region
    };
    struct Address {
        bool valid, ready;
        uint64_t address;
        uint32_t length, size, kind;
    };

    void take(const Virnet_board& top, uint64_t cycle) {
        Burst& burst = writes_.front();
        uint64_t word = top.m_axi_wdata;
        ++words_written;
        burst.wrong |= !copy(burst.address, top.m_axi_wstrb, &word, true);
        burst.address += 8;
        if (top.m_axi_wlast != (burst.beats == 1))
            blame("WLAST", top.m_axi_wlast ? "too early" : "missing", cycle);
        if (--burst.beats == 0) {
            burst.due = cycle + timing_.write;
            responses_.push_back(burst);
            writes_.pop_front();
        }
    }

    // Copy the bytes of a word that a mask selects; return whether all of them are in a region.
    bool copy(uint64_t address, uint8_t mask, uint64_t* word, bool to_memory) {
        bool inside = true;
        auto* bytes = reinterpret_cast<uint8_t*>(word);
        for (int i = 0; i < 8; ++i) {
            if (!(mask >> i & 1)) continue;
            auto after = regions_.upper_bound(address + i);
            if (after == regions_.begin()) {
                inside = false;
                continue;
            }
            const auto& [start, region] = *--after;
            if (address + i - start >= region.bytes) {
                inside = false;
                continue;
            }
            uint8_t& there = region.data[address + i - start];
            (to_memory ? there : bytes[i]) = to_memory ? bytes[i] : there;
        }
        return inside;
    }

    void check(const char* channel, const Address& now, Address& before, uint64_t cycle) {
        if (before.valid && !before.ready &&
            (!now.valid || now.address != before.address || now.length != before.length))
            blame(channel, "was withdrawn or changed before it was taken", cycle);
        before = now;
        if (!now.valid) return;
        if (now.size != 3 || now.kind != 1) blame(channel, "is not an INCR burst of 64-bit words", cycle);
        if (now.length > 15) blame(channel, "asks for more than 16 beats", cycle);
        if (now.address % 8) blame(channel, "has an address that is not a multiple of 8", cycle);
        if (now.address % 4096 + 8 * (now.length + 1) > 4096) blame(channel, "crosses 4 KiB", cycle);
    }

    void check_data(const Virnet_board& top, uint64_t cycle) {
        if (held_ && (!top.m_axi_wvalid || top.m_axi_wdata != data_ || top.m_axi_wstrb != strobes_))
            blame("W", "was withdrawn or changed before it was taken", cycle);
        held_ = top.m_axi_wvalid && !top.m_axi_wready;
        data_ = top.m_axi_wdata;
        strobes_ = top.m_axi_wstrb;
    }

    void blame(const char* channel, const char* what, uint64_t cycle) {
        if (!offence.empty()) return;
        char text[200];
        std::snprintf(text, sizeof text, "%s %s, in cycle %llu", channel, what,
                      static_cast<unsigned long long>(cycle));
        offence = text;
    }

    const Timing timing_;
    std::map<uint64_t, Region> regions_;
    std::deque<Burst> reads_, writes_, responses_;
    Address asked_{}, announced_{};
    bool held_ = false;
    uint64_t data_ = 0;
    uint8_t strobes_ = 0;
};

class Board {
  public:
    explicit Board(const Timing& timing) : memory{timing}, access_{timing.access} {
        top_.aresetn = 0;
        top_.s_axi_awvalid = top_.s_axi_wvalid = top_.s_axi_bready = 0;
        top_.s_axi_arvalid = top_.s_axi_rready = 0;
        top_.s_axi_awprot = top_.s_axi_arprot = 0;
        for (int i = 0; i < 8; ++i) tick();
        top_.aresetn = 1;
    }

    ~Board() { top_.final(); }

    // Read a register; return the response.
    uint32_t read(uint32_t offset, uint32_t* value) {
        const uint64_t start = cycle_;
        top_.s_axi_araddr = offset;
        top_.s_axi_arvalid = 1;
        top_.s_axi_rready = 1;
        uint32_t response = none;
        while (response == none && cycle_ - start < patience) {
            settle();
            if (top_.s_axi_rvalid) {
                *value = top_.s_axi_rdata;
                response = top_.s_axi_rresp;
            }
            const bool taken = top_.s_axi_arready;
            rise();
            if (taken) top_.s_axi_arvalid = 0;
        }
        top_.s_axi_rready = 0;
        spend(start);
        return response;
    }

    // Write a register; return the response.
    uint32_t write(uint32_t offset, uint32_t value) {
        const uint64_t start = cycle_;
        top_.s_axi_awaddr = offset;
        top_.s_axi_wdata = value;
        top_.s_axi_wstrb = 0xf;
        top_.s_axi_awvalid = top_.s_axi_wvalid = top_.s_axi_bready = 1;
        uint32_t response = none;
        while (response == none && cycle_ - start < patience) {
            settle();
            if (top_.s_axi_bvalid) response = top_.s_axi_bresp;
            const bool address = top_.s_axi_awready, data = top_.s_axi_wready;
            rise();
            if (address) top_.s_axi_awvalid = 0;
            if (data) top_.s_axi_wvalid = 0;
        }
        top_.s_axi_bready = 0;
        spend(start);
        return response;
    }

    // Let time pass until the interrupt comes, at most this many cycles; return whether it came.
    bool wait(uint64_t cycles) {
        for (; cycles > 0; --cycles) {
            if (interrupt()) return true;
            tick();
        }
        return interrupt();
    }

    uint64_t cycle() const { return cycle_; }

    Memory memory;

  private:
    // Cycles after which a register that has not answered never will.
    static constexpr uint64_t patience = 10000;

    void settle() {
        memory.offer(top_, cycle_);
        top_.aclk = 0;
        top_.eval();
    }

    void rise() {
        if (top_.aresetn) memory.observe(top_, cycle_);
        top_.aclk = 1;
        top_.eval();
        ++cycle_;
    }

    void tick() {
        settle();
        rise();
    }

    // Verilator renames this port because some compilers reserve the word "interrupt".
    bool interrupt() const { return top_.__SYM__interrupt; }

    void spend(uint64_t start) {
        while (cycle_ - start < access_) tick();
    }

    Context context_;
    Virnet_board top_{&context_};
    const uint32_t access_;
    uint64_t cycle_ = 0;
};

extern "C" {
// folder: where the hex files are; they are read now. Return nullptr if it can't start.
Board* board_new(const Timing* timing, const char* folder) {
    return started(folder, [&] { return new Board(*timing); });
}
void board_delete(Board* board) { delete board; }
uint32_t board_read(Board* board, uint32_t offset, uint32_t* value) {
    return board->read(offset, value);
}
uint32_t board_write(Board* board, uint32_t offset, uint32_t value) {
    return board->write(offset, value);
}
bool board_wait(Board* board, uint64_t cycles) { return board->wait(cycles); }
uint64_t board_cycle(const Board* board) { return board->cycle(); }
void board_map(Board* board, uint64_t address, uint64_t bytes, uint8_t* data) {
    board->memory.map(address, bytes, data);
}
void board_unmap(Board* board, uint64_t address) { board->memory.unmap(address); }
uint64_t board_words_read(const Board* board) { return board->memory.words_read; }
uint64_t board_words_written(const Board* board) { return board->memory.words_written; }
const char* board_offence(const Board* board) { return board->memory.offence.c_str(); }
}
