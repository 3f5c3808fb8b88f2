// The kind of memory that holds an array of a kernel: block RAM if BLOCK_RAM is 1, LUTs if 0, as in
// the RTL kernels. The BIND_STORAGE pragma takes no template parameter, so each choice has its own
// function, which Vitis HLS inlines before it evaluates the pragma.

#ifndef IRNET_MEMORY_HPP
#define IRNET_MEMORY_HPP

namespace irnet {

template <int BLOCK_RAM>
struct memory {
    static_assert(BLOCK_RAM == 0 || BLOCK_RAM == 1, "memory: BLOCK_RAM must be 0 or 1");

    // Read only.
    template <typename T, int DEPTH>
    static void constants(const T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=rom_1p impl=lutram
        (void)words;
    }

    // Written and read in the same cycle.
    template <typename T, int DEPTH>
    static void buffer(T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=ram_s2p impl=lutram
        (void)words;
    }
};

template <>
struct memory<1> {
    template <typename T, int DEPTH>
    static void constants(const T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=rom_1p impl=bram
        (void)words;
    }

    template <typename T, int DEPTH>
    static void buffer(T (&words)[DEPTH]) {
#pragma HLS INLINE
#pragma HLS BIND_STORAGE variable=words type=ram_s2p impl=bram
        (void)words;
    }
};

}  // namespace irnet

#endif
