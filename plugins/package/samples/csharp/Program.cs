// Continues a prompt greedily with a model folder, through ONNX Runtime GenAI.
//
//     dotnet run -- MODEL_DIR PROMPT [MAX_NEW_TOKENS]

using Microsoft.ML.OnnxRuntimeGenAI;

if (args.Length is < 2 or > 3)
{
    Console.Error.WriteLine("usage: dotnet run -- MODEL_DIR PROMPT [MAX_NEW_TOKENS]");
    return 2;
}
var maxNewTokens = args.Length == 3 ? int.Parse(args[2]) : 64;

using var model = new Model(args[0]);
using var tokenizer = new Tokenizer(model);
using var prompt = tokenizer.Encode(args[1]);

using var parameters = new GeneratorParams(model);
parameters.SetSearchOption("do_sample", false);
parameters.SetSearchOption("max_length", prompt[0].Length + maxNewTokens);

using var generator = new Generator(model, parameters);
generator.AppendTokenSequences(prompt);
using var stream = tokenizer.CreateStream();
var ends = tokenizer.GetEosTokenIds().ToArray();
while (!generator.IsDone())
{
    generator.GenerateNextToken();
    var token = generator.GetSequence(0)[^1];
    if (!ends.Contains(token))
    {
        Console.Write(stream.Decode(token));
    }
}
Console.WriteLine();
return 0;
