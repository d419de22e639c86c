/** Names that PEFT gives to the parameters of any model. */

/** The name without PEFT's wrapping, in files and in memory. */
export function peftName(name: string): string {
  return name.replace(/^base_model\.model\./, '').replace(/\.(lora_[AB])\.default\.weight$/, '.$1.weight');
}
