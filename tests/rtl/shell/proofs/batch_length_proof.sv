// The length of a batch is right 33 cycles after its number of frames, whatever happened before.

module batch_length_proof #(
    parameter int ADDRESS_BITS = 13,
    parameter int FRAME_BYTES = 15
) (
    input logic        clk,
    input logic        rst_n,
    input logic        start,
    input logic [31:0] frames
);

    logic                    ready, too_long;
    logic [ADDRESS_BITS-3:0] words;
    logic [2:0]              tail;

    batch_length #(.ADDRESS_BITS(ADDRESS_BITS), .FRAME_BYTES(FRAME_BYTES)) dut (.*);

    logic [31:0] number;        // of frames
    logic [5:0]  age;           // cycles since it changed
    logic [31:0] part, earlier; // its digits up to this age, and a cycle before
    logic [47:0] bytes, bytes_before;

    always_ff @(posedge clk) begin
        if (!rst_n || start) begin
            number <= rst_n ? frames : '0;
            age    <= '0;
        end else if (age != 6'd33) age <= age + 1'b1;
    end

    assign part = 32'(64'(number) >> (age == 6'd33 ? 6'd0 : 6'd32 - age));
    assign earlier = 32'(64'(number) >> (6'd33 - age));
    assign bytes = 48'(part) * 48'(FRAME_BYTES);
    assign bytes_before = 48'(earlier) * 48'(FRAME_BYTES);

    always_comb begin
        if (rst_n && number != '0) begin
            assert (age <= 6'd33 && dut.running == (age < 6'd32));
            if (dut.running) assert (dut.steps == 6'd31 - age && dut.digits == number << age);
            assert (too_long == (bytes_before >> ADDRESS_BITS != '0));
            assert ((too_long || dut.over != '0) == (bytes >> ADDRESS_BITS != '0));
            if (!too_long && dut.over == '0) assert (dut.bytes == bytes[ADDRESS_BITS-1:0]);
            assert (ready == (age == 6'd33));
            if (ready && !too_long)
                assert (48'(words) == (bytes + 48'd7) >> 3 && tail == bytes[2:0]);
        end
    end

endmodule
