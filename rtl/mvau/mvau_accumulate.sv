// Accumulators of a matrix-vector unit. ROWS accumulators each add a contribution in every valid
// cycle, from the first one of an output to its last, starting from that output's constant. A pass
// yields one output per row; a vector takes PASSES passes. Each vector belongs to a class, and each
// class has its own constants.
//
// The constants are read one output ahead into a register, so that reading them and adding them
// are different cycles' work.

module mvau_accumulate #(
    parameter int ROWS       = 1,  // at least 1
    parameter int W          = 8,  // width of a contribution in bits, 1 to ACC_BITS
    parameter int ACC_BITS   = 8,  // width of an accumulator in bits; wraps around
    parameter int BEATS      = 2,  // contributions per output, at least 1
    parameter int PASSES     = 1,  // at least 1
    parameter int CLASSES    = 1,  // at least 1
    parameter int THRESHOLDS = 1,  // 1: output the sign bit, 0: the accumulator
    parameter int COMPARE    = 0,  // 1: compare with a single constant to get the sign bit; no sum
                                   // may wrap around then
    parameter int BLOCK_RAM  = 0,  // 1: the constants are in block RAM, 0: in LUTs
    parameter     INITS      = "", // the constants, for $readmemh: ROWS per word; for each class,
                                   // one word per pass, rounded up to a power of two
    localparam int OUT_BITS   = (THRESHOLDS != 0) ? 1 : ACC_BITS,
    localparam int CLASS_BITS = (CLASSES == 1) ? 1 : $clog2(CLASSES)
) (
    input  logic                           clk,
    input  logic                           rst_n,      // synchronous, active low
    input  logic                           en,         // pipeline enable
    input  logic [ROWS-1:0][W-1:0]         in_data,    // contributions, two's complement
    input  logic                           in_valid,
    input  logic                           in_first,   // of an output
    input  logic                           in_last,    // of an output
    input  logic [CLASS_BITS-1:0]          next_border,// class of the vector after the one whose
                                                       // constants are read; 0 for the first
    output logic                           vector_read,// this cycle reads a vector's last constants
    output logic [ROWS-1:0][OUT_BITS-1:0]  out_data,
    output logic                           out_valid   // held until the next enabled cycle
);

    if (ROWS < 1) begin : check_rows
        $error("mvau_accumulate: ROWS = %0d, must be at least 1", ROWS);
    end
    if (W < 1 || W > ACC_BITS) begin : check_w
        $error("mvau_accumulate: W = %0d, must be 1 to ACC_BITS = %0d", W, ACC_BITS);
    end
    if (BEATS < 1) begin : check_beats
        $error("mvau_accumulate: BEATS = %0d, must be at least 1", BEATS);
    end
    if (PASSES < 1) begin : check_passes
        $error("mvau_accumulate: PASSES = %0d, must be at least 1", PASSES);
    end
    if (CLASSES < 1) begin : check_classes
        $error("mvau_accumulate: CLASSES = %0d, must be at least 1", CLASSES);
    end

    if (COMPARE != 0 && (BEATS * PASSES * CLASSES != 1 || THRESHOLDS == 0)) begin : check_compare
        $error("mvau_accumulate: COMPARE = %0d, must be 0 for BEATS = %0d, PASSES = %0d, %0d classes",
            COMPARE, BEATS, PASSES, CLASSES);
    end

    // ---------------------------------------------------------------- passes

    localparam int PASS_BITS = $clog2(PASSES);
    localparam int WORDS     = CLASSES << PASS_BITS;
    localparam int WORD_BITS = (WORDS == 1) ? 1 : $clog2(WORDS);

    logic output_end;
    assign output_end = in_valid && in_last;

    // The first constants are read in the first cycle after a reset, when nothing is valid yet.
    logic begun, read;
    assign read = !begun || (en && output_end);
    always_ff @(posedge clk) begun <= rst_n;

    logic [WORD_BITS-1:0] word, next_word;  // of the constants to read
    if (PASSES == 1) begin : one_pass
        assign vector_read = read;
        assign next_word   = next_border;
    end else begin : passes
        logic [PASS_BITS-1:0] pass, next_pass;
        logic last_pass;
        assign pass        = word[PASS_BITS-1:0];
        assign next_pass   = last_pass ? '0 : pass + 1'b1;
        assign vector_read = read && last_pass;
        always_ff @(posedge clk) begin
            if (!rst_n) last_pass <= 1'b0;
            else if (read) last_pass <= pass == PASS_BITS'(PASSES - 2);
        end
        if (CLASSES == 1) begin : one_class
            assign next_word = next_pass;
        end else begin : classes
            assign next_word = {last_pass ? next_border : word[WORD_BITS-1:PASS_BITS], next_pass};
        end
    end

    // As in mvau_rom, the initial value keeps this register in front of the memory.
    initial word = '0;
    always_ff @(posedge clk) begin
        if (!rst_n) word <= '0;
        else if (read) word <= next_word;
    end

    // ---------------------------------------------------------------- constants

    logic [ROWS-1:0][ACC_BITS-1:0] init;  // of this output
    if (COMPARE != 0) begin : single
        lut_rom #(
            .WIDTH(ROWS * ACC_BITS), .DEPTH(1), .FILE(INITS)
        ) inits (.address(1'b0), .data(init));
    end else if (BLOCK_RAM != 0) begin : block
        (* rom_style = "block" *) logic [ROWS-1:0][ACC_BITS-1:0] inits[WORDS];
        initial $readmemh(INITS, inits);
        always_ff @(posedge clk) if (read) init <= inits[word];
    end else begin : distributed
        logic [ROWS-1:0][ACC_BITS-1:0] constants;
        lut_rom #(
            .WIDTH(ROWS * ACC_BITS), .DEPTH(WORDS), .FILE(INITS)
        ) inits (.address(word), .data(constants));
        always_ff @(posedge clk) if (read) init <= constants;
    end

    // ---------------------------------------------------------------- sums

    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (en) out_valid <= output_end;
    end

    if (COMPARE != 0) begin : compared
        // The sign bit is the carry of the sum in offset binary. With a constant, that takes fewer
        // LUTs than an adder.
        function automatic logic carry(input logic [ACC_BITS-1:0] a, input logic [ACC_BITS-1:0] b);
            carry = 1'b0;
            for (int i = 0; i < ACC_BITS; i++) carry = (a[i] != b[i]) ? carry : a[i];
        endfunction
        for (genvar r = 0; r < ROWS; r++) begin : row
            logic [ACC_BITS-1:0] contribution;
            assign contribution = ACC_BITS'(signed'(in_data[r])) ^ (ACC_BITS'(1) << (ACC_BITS - 1));
            always_ff @(posedge clk)
                if (en && in_valid) out_data[r] <= carry(contribution, init[r]);
        end
        logic unused;
        assign unused = ^{in_first, word};
    end else begin : summed
        logic [ROWS-1:0][ACC_BITS-1:0] accumulator;
        for (genvar r = 0; r < ROWS; r++) begin : row
            always_ff @(posedge clk) begin
                if (en && in_valid)
                    accumulator[r] <= ((BEATS == 1 || in_first) ? init[r] : accumulator[r])
                        + ACC_BITS'(signed'(in_data[r]));
            end
            assign out_data[r] = accumulator[r][ACC_BITS-1-:OUT_BITS];
        end
    end

endmodule
