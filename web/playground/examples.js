// Beginnings of texts for a base model, which knows no questions and no answers, only how pages go on. The first line of some is the
// address of a page: our own base models read it before every page, and write as such a page does.

export const EXAMPLES = [
  {
    name: 'Translation', stop: '\\n', tokens: 12,
    prompt: 'https://lists.school/1\nhead: cabeza\nnose: nariz\nchair: silla\nblue: azul\nbread: pan\ncity: ciudad\ndog:',
  },
  {
    name: 'Pattern', stop: '\\n', tokens: 24,
    prompt: 'Say: stone 417 river\nEcho: stone 417 river\nSay: lamp berry 902 tree\nEcho: lamp berry 902 tree\n'
      + 'Say: marble 58 window horse\nEcho:',
  },
  {
    name: 'Questions', stop: '\\n', tokens: 32,
    prompt: 'Question: In which country is Rome?\nAnswer: Rome is a city in Italy.\n'
      + 'Question: What does the bee eat?\nAnswer: The bee eats nectar.\nQuestion: What does the lion eat?\nAnswer:',
  },
  {
    name: 'Sums', stop: '\\n', tokens: 56,
    prompt: 'Question: What is 503 + 916?\nAnswer: 3+6+0=9 write 9, 0+1+0=1 write 19, 5+9+0=14 write 1419. #### 1419\n'
      + 'Question: What is 241 + 357?\nAnswer:',
  },
  {
    name: 'Story', stop: '', tokens: 96,
    prompt: 'https://tales.net/9001\nOnce upon a time',
  },
  {
    name: 'Encyclopedia', stop: '', tokens: 96,
    prompt: 'https://wiki.org/1\nThe capital of',
  },
  {
    name: 'Conversation', stop: '\\n\\nHuman:', tokens: 48,
    prompt: 'A human talks with a helpful assistant.\n\nHuman: What is the capital of France?\n\nAssistant: The capital of France is Paris.'
      + '\n\nHuman: Tell me a joke.\n\nAssistant:',
  },
  { name: 'Nothing', stop: '', tokens: 96, prompt: '' },
];
