import { ActionIcon } from "@mantine/core";
import { useEffect, useRef, useState } from "react";
import { Icon } from "./Icon";
import classes from "./Media.module.css";

interface Props {
  src: string;
  alt: string;
}

/** A picture of a prompt, or its clip: an endless animation, which stands still where one asked for less motion, until one plays it. */
export function Media({ src, alt }: Props) {
  return src.endsWith(".apng") ? <Clip src={src} alt={alt} /> : <img src={src} alt={alt} loading="lazy" />;
}

function Clip({ src, alt }: Props) {
  const [isPlaying, setPlaying] = useState(() => !matchMedia("(prefers-reduced-motion: reduce)").matches);
  return (
    <span className={classes.clip}>
      {isPlaying ? <img src={src} alt={alt} /> : <FirstFrame src={src} alt={alt} />}
      <ActionIcon variant="default" size={28} className={classes.button} aria-label={isPlaying ? "Stop the clip" : "Play the clip"} onClick={() => setPlaying(!isPlaying)}>
        <Icon name={isPlaying ? "pause" : "play"} size={14} />
      </ActionIcon>
    </span>
  );
}

/** An animated image has no pause of its own; a canvas takes its first frame. */
function FirstFrame({ src, alt }: Props) {
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    const image = new Image();
    image.addEventListener("load", () => {
      const element = canvas.current;
      if (!element) return;
      [element.width, element.height] = [image.naturalWidth, image.naturalHeight];
      element.getContext("2d")?.drawImage(image, 0, 0);
    });
    image.src = src;
  }, [src]);
  return <canvas ref={canvas} role="img" aria-label={alt} />;
}
