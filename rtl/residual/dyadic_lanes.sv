// Lanes that compute x * m + b, with constants m and b for each channel. A beat carries PE
// channels, the next beat the next PE; after WORDS beats the channels start over.
//
// A lane is either one DSP block, which absorbs the registers of x, the product and the sum, or a
// chain of adders, one for each radix-4 digit of m, from -2 to 2 (Booth 1951, MacSorley 1961), with
// a register after each adder. A LUT on the carry chain both selects a bit of the digit's product
// and adds it. With a single beat of constants, digits that are 0 need no adder.
//
// The constants are in LUTs. Those of DSP blocks may be in block RAM, whose output registers
// replace the registers that would carry the beat's number to the next stage.

module dyadic_lanes #(
    parameter int PE       = 1,   // lanes
    parameter int WORDS    = 2,   // beats until the constants repeat
    parameter int IN_BITS  = 9,   // of x
    parameter int M_BITS   = 8,   // of m
    parameter int B_BITS   = 12,  // of b
    parameter int SUM_BITS = 18,  // of x * m + b, enough for any x
    parameter int DSP      = 0,   // 1: multiply in DSP blocks, 0: in LUTs
    parameter int BLOCK_RAM = 0,  // 1: the constants are in block RAM, 0: in LUTs; 0 with DSP = 0
    parameter logic [WORDS*PE*M_BITS-1:0] M = '0,  // one per channel, the first channel lowest
    parameter logic [WORDS*PE*B_BITS-1:0] B = '0   // likewise
) (
    input  logic                        clk,
    input  logic                        rst_n,     // synchronous, active low
    input  logic                        en,        // pipeline enable
    input  logic [PE-1:0][IN_BITS-1:0]  in_data,   // x, two's complement
    input  logic                        in_valid,
    output logic [PE-1:0][SUM_BITS-1:0] out_sum,   // x * m + b, two's complement
    output logic                        out_valid
);

    if (PE < 1) begin : check_pe
        $error("dyadic_lanes: PE = %0d, must be at least 1", PE);
    end
    if (WORDS < 1) begin : check_words
        $error("dyadic_lanes: WORDS = %0d, must be at least 1", WORDS);
    end
    if (IN_BITS < 2 || M_BITS < 2 || B_BITS < 2) begin : check_bits
        $error("dyadic_lanes: IN_BITS = %0d, M_BITS = %0d, B_BITS = %0d, must be at least 2",
               IN_BITS, M_BITS, B_BITS);
    end
    if (SUM_BITS <= IN_BITS + M_BITS || SUM_BITS <= B_BITS) begin : check_sum
        $error("dyadic_lanes: SUM_BITS = %0d, must be more than IN_BITS + M_BITS = %0d, B_BITS = %0d",
               SUM_BITS, IN_BITS + M_BITS, B_BITS);
    end

    if (BLOCK_RAM != 0 && DSP == 0) begin : check_block_ram
        $error("dyadic_lanes: BLOCK_RAM = %0d, must be 0 with DSP = 0", BLOCK_RAM);
    end

    localparam int ROWS      = (M_BITS + 1) / 2;
    localparam int STAGES    = (DSP != 0) ? 3 : ROWS + 2;
    localparam int WORD_BITS = (WORDS == 1) ? 1 : $clog2(WORDS);

    // What a digit of m does with x: bit 0 takes x, bit 1 takes 2 x, bit 2 negates it.
    function automatic logic [2:0] act(input logic [M_BITS-1:0] m, input int row);
        logic [2*ROWS:0] padded;
        logic [2:0]      bits;
        padded = {(2*ROWS)'(signed'(m)), 1'b0};
        bits   = padded[2*row +: 3];
        return {bits[2] && bits != 3'b111, bits == 3'b011 || bits == 3'b100, bits[1] ^ bits[0]};
    endfunction

    // ---------------------------------------------------------------- pipeline control

    // The beat whose constants each stage needs. As in mvau_rom, the initial value keeps the
    // constants in the LUTs that use them.
    logic [STAGES-1:0]                valid;
    logic [STAGES-1:0][WORD_BITS-1:0] word;
    initial word = '0;

    always_ff @(posedge clk) begin
        if (!rst_n) valid <= '0;
        else if (en) valid <= {valid[STAGES-2:0], in_valid};
    end
    always_ff @(posedge clk) begin
        if (!rst_n) word[0] <= '0;
        else if (en && in_valid)
            word[0] <= (word[0] == WORD_BITS'(WORDS - 1)) ? '0 : word[0] + 1'b1;
    end
    for (genvar k = 1; k < STAGES; k++) begin : follow
        always_ff @(posedge clk) if (en) word[k] <= word[k-1];
    end
    assign out_valid = valid[STAGES-1];

    // ---------------------------------------------------------------- x * m + b

    if (DSP != 0) begin : in_dsp

        // m for the beat that is in x, b for the beat that is in product.
        logic [PE-1:0][M_BITS-1:0] m;
        logic [PE-1:0][B_BITS-1:0] b;
        if (BLOCK_RAM != 0) begin : block
            (* rom_style = "block" *) logic [PE*(B_BITS+M_BITS)-1:0] words[WORDS];
            initial for (int w = 0; w < WORDS; w++)
                words[w] = {B[w*PE*B_BITS +: PE*B_BITS], M[w*PE*M_BITS +: PE*M_BITS]};
            logic [PE*B_BITS-1:0] next_b;
            always_ff @(posedge clk) begin
                if (en) begin
                    {next_b, m} <= words[word[0]];
                    b           <= next_b;
                end
            end
            logic unused;
            assign unused = ^word[STAGES-1];
        end else begin : distributed
            logic [PE-1:0][M_BITS-1:0] m_words[WORDS];
            logic [PE-1:0][B_BITS-1:0] b_words[WORDS];
            initial for (int w = 0; w < WORDS; w++) begin
                m_words[w] = M[w*PE*M_BITS +: PE*M_BITS];
                b_words[w] = B[w*PE*B_BITS +: PE*B_BITS];
            end
            assign m = m_words[word[1]];
            assign b = b_words[word[2]];
        end

        for (genvar r = 0; r < PE; r++) begin : lane
            logic signed [IN_BITS-1:0]        x;
            logic signed [IN_BITS+M_BITS-1:0] product;
            logic signed [SUM_BITS-1:0]       sum;
            always_ff @(posedge clk) begin
                if (en) begin
                    x       <= in_data[r];
                    product <= x * signed'(m[r]);
                    sum     <= SUM_BITS'(product) + SUM_BITS'(signed'(b[r]));
                end
            end
            assign out_sum[r] = sum;
        end

    end else begin : in_luts

        logic [PE-1:0][B_BITS-1:0] b_words[WORDS];
        initial for (int w = 0; w < WORDS; w++) b_words[w] = B[w*PE*B_BITS +: PE*B_BITS];

        // The sum of the rows before row k is 2 k bits wider than x.
        localparam int ACC_BITS = IN_BITS + 2 * ROWS;
        logic [ROWS-1:0][PE-1:0][IN_BITS-1:0] x;
        logic [ROWS:0][PE-1:0][ACC_BITS-1:0]  sums;
        assign sums[0] = '0;
        always_ff @(posedge clk) if (en) x[0] <= in_data;

        for (genvar k = 0; k < ROWS; k++) begin : row

            if (k > 0) begin : later
                always_ff @(posedge clk) if (en) x[k] <= x[k-1];
            end

            for (genvar r = 0; r < PE; r++) begin : lane
                localparam int ADD_BITS = IN_BITS + 2;
                localparam int SUM_K    = ADD_BITS + 2 * k;
                localparam logic [SUM_K-1:0] LOWER = (SUM_K'(1) << 2*k) - 1'b1;  // final bits
                localparam logic [2:0] ONLY = act(M[r*M_BITS +: M_BITS], k);

                logic [ADD_BITS-1:0]     so_far, added;
                logic [SUM_K-1:0]        sum;
                assign so_far = ADD_BITS'(signed'(sums[k][r][2*k +: IN_BITS]));

                if (WORDS == 1 && ONLY == '0) begin : none
                    assign added = so_far;
                end else begin : digit
                    logic [2:0]          how;
                    logic [ADD_BITS-1:0] term;
                    logic                carry;
                    if (WORDS == 1) begin : constant
                        assign how = ONLY;
                    end else begin : selected
                        logic [2:0] acts[WORDS];
                        initial for (int w = 0; w < WORDS; w++)
                            acts[w] = act(M[(w*PE+r)*M_BITS +: M_BITS], k);
                        if (WORDS <= 8) begin : shallow  // in the LUTs of the sum
                            assign how = acts[word[k+1]];
                        end else begin : deep            // in LUTs of their own
                            always_ff @(posedge clk) if (en) how <= acts[word[k]];
                        end
                    end
                    assign term = ({ADD_BITS{how[0]}} & ADD_BITS'(signed'(x[k][r])))
                        | ({ADD_BITS{how[1]}} & ADD_BITS'(signed'({x[k][r], 1'b0})));
                    // Negation is inversion plus 1; the 1 enters as a carry from below.
                    assign {added, carry} = {so_far, 1'b1}
                        + {term ^ {ADD_BITS{how[2]}}, how[2]};
                    logic unused;
                    assign unused = carry;
                end

                always_ff @(posedge clk)
                    if (en) sum <= (SUM_K'(added) << 2*k) | (SUM_K'(sums[k][r]) & LOWER);
                assign sums[k+1][r] = ACC_BITS'(signed'(sum));
            end
        end

        for (genvar r = 0; r < PE; r++) begin : lane
            always_ff @(posedge clk)
                if (en) out_sum[r] <= SUM_BITS'(signed'(sums[ROWS][r]))
                    + SUM_BITS'(signed'(b_words[word[ROWS+1]][r]));
        end

    end

endmodule
