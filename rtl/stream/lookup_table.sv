// Look-up tables: replaces each element by its entry in its channel's table, in the order of the
// elements, the least first. The tables are in LUTs. One beat per cycle.
//
// in_ready depends on out_ready.

module lookup_table #(
    parameter int PE        = 1,  // channels of a beat, at most 10000
    parameter int WORDS     = 2,  // beats of a vector
    parameter int IN_BITS   = 4,  // of an element
    parameter int IN_SIGNED = 0,  // 1: elements are two's complement
    parameter int OUT_BITS  = 8,  // of an entry
    parameter int SHARED    = 0,  // 1: all channels have the same table
    // For $readmemh, an entry per word. A shared table is in TABLES.hex; else, a lane's tables, one
    // for each beat of a vector, are in TABLES_lane.hex, the lane in four digits.
    parameter     TABLES    = ""
) (
    input  logic                        clk,
    input  logic                        rst_n,      // synchronous, active low

    input  logic [PE-1:0][IN_BITS-1:0]  in_data,
    input  logic                        in_valid,
    output logic                        in_ready,

    output logic [PE-1:0][OUT_BITS-1:0] out_data,
    output logic                        out_valid,
    input  logic                        out_ready
);

    if (PE < 1 || PE > 10000) begin : check_pe
        $error("lookup_table: PE = %0d, must be 1 to 10000", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("lookup_table: WORDS = %0d, must be at least 1", WORDS);
    end
    if (IN_BITS < 1) begin : check_in_bits
        $error("lookup_table: IN_BITS = %0d, must be at least 1", IN_BITS);
    end
    if (OUT_BITS < 1) begin : check_out_bits
        $error("lookup_table: OUT_BITS = %0d, must be at least 1", OUT_BITS);
    end

    logic take;
    assign in_ready = !out_valid || out_ready;
    assign take     = in_valid && in_ready;
    always_ff @(posedge clk) begin
        if (!rst_n) out_valid <= 1'b0;
        else if (in_ready) out_valid <= in_valid;
    end

    // The beat within a vector, which selects the tables.
    localparam int TABLES_OF_LANE = (SHARED != 0) ? 1 : WORDS;
    localparam int WORD_BITS      = (TABLES_OF_LANE == 1) ? 1 : $clog2(TABLES_OF_LANE);
    logic [WORD_BITS-1:0] word;
    initial word = '0;
    always_ff @(posedge clk) begin
        if (!rst_n) word <= '0;
        else if (take) word <= (word == WORD_BITS'(TABLES_OF_LANE - 1)) ? '0 : word + 1'b1;
    end

    for (genvar r = 0; r < PE; r++) begin : lane
        localparam int DEPTH        = TABLES_OF_LANE << IN_BITS;
        localparam int ADDRESS_BITS = $clog2(DEPTH);
        logic [IN_BITS-1:0]      entry;
        logic [ADDRESS_BITS-1:0] address;
        logic [OUT_BITS-1:0]     found;
        assign entry   = in_data[r] ^ (IN_BITS'(IN_SIGNED != 0) << IN_BITS - 1);
        assign address = ADDRESS_BITS'({word, entry});
        if (SHARED != 0) begin : shared
            lut_rom #(
                .WIDTH(OUT_BITS), .DEPTH(DEPTH), .FILE({TABLES, ".hex"})
            ) table_of_all (.address, .data(found));
        end else begin : own
            lut_rom #(
                .WIDTH(OUT_BITS), .DEPTH(DEPTH),
                .FILE({TABLES, "_", 8'("0" + r / 1000), 8'("0" + r / 100 % 10),
                       8'("0" + r / 10 % 10), 8'("0" + r % 10), ".hex"})
            ) tables (.address, .data(found));
        end
        always_ff @(posedge clk) if (take) out_data[r] <= found;
    end

endmodule
