// Counts, in each of ROWS rows, the lanes whose bits equal the row's weights, pipelined. There are
// no weights here: a table in block RAM has, for each word of weights and each value of the bits of
// a group of lanes, the counts of all rows. A popcount adds the groups.
//
// A table has 512 words. Its columns of 18 bits, for all groups in turn, are halves of block RAMs.

module table_popcount #(
    parameter int ROWS   = 1,  // at least 1
    parameter int LANES  = 3,  // at least 1
    parameter int GROUP  = 3,  // lanes of a group, at least 1; the last group may have fewer
    parameter int DEPTH  = 2,  // words of weights, at least 1; with GROUP bits at most 512
    parameter int FLAGS  = 1,  // flag bits, delayed with the data, at least 1
    parameter     TABLES = "", // for $readmemh: block RAM i's words are in TABLES, followed by i in
                               // six digits and ".hex". A table's word is word << GROUP | bits;
                               // bit c of row r's count is bit c * ROWS + r
    localparam int GROUPS     = (LANES + GROUP - 1) / GROUP,
    localparam int TABLE_BITS = $clog2(GROUP + 1),  // of a count
    localparam int BITS       = $clog2(GROUPS * ((1 << TABLE_BITS) - 1) + 1),
    localparam int DEPTH_BITS = (DEPTH == 1) ? 1 : $clog2(DEPTH)
) (
    input  logic                        clk,
    input  logic                        rst_n,    // synchronous, active low; for flags
    input  logic                        en,       // pipeline enable
    input  logic [LANES-1:0]            in_data,
    input  logic [DEPTH_BITS-1:0]       in_word,  // of the weights
    input  logic [FLAGS-1:0]            in_flags,
    output logic [ROWS-1:0][BITS-1:0]   out_count,
    output logic [FLAGS-1:0]            out_flags // in_flags, aligned with out_count
);

    if (ROWS < 1) begin : check_rows
        $error("table_popcount: ROWS = %0d, must be at least 1", ROWS);
    end
    if (LANES < 1) begin : check_lanes
        $error("table_popcount: LANES = %0d, must be at least 1", LANES);
    end
    if (GROUP < 1 || (DEPTH << GROUP) > 512) begin : check_group
        $error("table_popcount: GROUP = %0d, must be at least 1 and leave room in 512 for %0d words",
            GROUP, DEPTH);
    end

    // ---------------------------------------------------------------- tables

    localparam int COLUMNS   = (ROWS * TABLE_BITS + 17) / 18;  // of a table
    localparam int LAST      = LANES - (GROUPS - 1) * GROUP;   // lanes of the last group
    localparam int LAST_BITS = $clog2(LAST + 1);               // of its counts
    localparam int HALVES    = (GROUPS - 1) * COLUMNS + (ROWS * LAST_BITS + 17) / 18;
    localparam int BLOCKS    = (HALVES + 1) / 2;

    function automatic logic [47:0] digits(input int number);
        int rest;
        rest = number;
        for (int i = 0; i < 6; i++) begin
            digits[8*i+:8] = 8'(48 + rest % 10);
            rest = rest / 10;
        end
    endfunction

    logic [GROUPS-1:0][8:0] addresses;
    for (genvar g = 0; g < GROUPS; g++) begin : group
        localparam int PRESENT = (g == GROUPS - 1) ? LAST : GROUP;
        assign addresses[g] = ((DEPTH == 1) ? 9'd0 : 9'(in_word) << GROUP)
            | 9'(in_data[g*GROUP+:PRESENT]);
    end

    logic [2*BLOCKS-1:0][17:0] read;
    for (genvar b = 0; b < BLOCKS; b++) begin : block
        logic [1:0][8:0] of_halves;
        assign of_halves[0] = addresses[2*b/COLUMNS];
        if (2 * b + 1 < HALVES) begin : both
            assign of_halves[1] = addresses[(2*b+1)/COLUMNS];
        end else begin : one
            assign of_halves[1] = '0;
        end
        two_port_rom #(.FILE({TABLES, digits(b), ".hex"})) rom (
            .clk, .en, .address(of_halves), .data(read[2*b+:2])
        );
    end

    // ---------------------------------------------------------------- sum

    // Groups whose counts have a bit.
    function automatic int height(input int bit_of_count);
        if (bit_of_count < LAST_BITS) return GROUPS;
        return (bit_of_count < TABLE_BITS) ? GROUPS - 1 : 0;
    endfunction

    function automatic logic [16*BITS-1:0] heights();
        for (int c = 0; c < BITS; c++) heights[16*c+:16] = 16'(height(c));
    endfunction

    localparam int N = TABLE_BITS * (GROUPS - 1) + LAST_BITS;
    logic [N-1:0][ROWS-1:0] counts;
    for (genvar g = 0; g < GROUPS; g++) begin : counts_of_group
        localparam int COUNT_BITS = (g == GROUPS - 1) ? LAST_BITS : TABLE_BITS;
        localparam int WIDTH      = (ROWS * COUNT_BITS + 17) / 18;
        logic [18*WIDTH-1:0] word;
        assign word = read[g*COLUMNS+:WIDTH];
        for (genvar c = 0; c < COUNT_BITS; c++) begin : weight
            // The bits of lower weight come first.
            localparam int START = (c <= LAST_BITS) ? c * GROUPS : c * (GROUPS - 1) + LAST_BITS;
            assign counts[START+g] = word[c*ROWS+:ROWS];
        end
    end

    logic [FLAGS-1:0] counts_flags;
    always_ff @(posedge clk) begin
        if (!rst_n) counts_flags <= '0;
        else if (en) counts_flags <= in_flags;
    end

    popcount #(
        .ROWS(ROWS), .N(N), .BITS(BITS), .HEIGHTS(heights()), .FLAGS(FLAGS)
    ) count (
        .clk, .rst_n, .en, .in_bits(counts), .in_flags(counts_flags), .out_count, .out_flags
    );

endmodule
